//! Logs: queries with limits, filters that are polled, subscriptions.

use crate::support::{
    COUNTER, call_to, chain, client, deploy, rpc, rpc_error, send, within, word, ws_client,
};
use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use devnet::{Config, Devnet};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

#[tokio::test]
async fn queries_select_by_address_topic_range_and_block_hash() {
    let node = chain().await;
    let client = client(&node);
    let first = deploy(&client, &COUNTER).await;
    let second = deploy(&client, &COUNTER).await;
    send(&client, call_to(first, word(1))).await;
    send(&client, call_to(second, word(1))).await;
    let last = send(&client, call_to(second, word(2))).await;

    let all = client.get_logs(&Filter::new().from_block(0)).await.unwrap();
    assert_eq!(all.len(), 3);
    let of_second = client.get_logs(&Filter::new().from_block(0).address(second)).await.unwrap();
    assert_eq!(of_second.len(), 2);
    let topic = B256::left_padding_from(&[1]);
    let ones = client.get_logs(&Filter::new().from_block(0).event_signature(topic)).await.unwrap();
    assert_eq!(ones.iter().map(|log| log.address()).collect::<Vec<_>>(), [first, second]);
    let by_hash = Filter::new().at_block_hash(last.block_hash.unwrap());
    let by_hash = client.get_logs(&by_hash).await.unwrap();
    assert_eq!(by_hash.len(), 1);
    assert_eq!(by_hash[0].transaction_hash, Some(last.transaction_hash));
    assert_eq!(by_hash[0].data().data, word(2));
    let range = Filter::new().from_block(3).to_block(3);
    assert_eq!(client.get_logs(&range).await.unwrap().len(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn log_indices_count_through_the_block() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    rpc(&node, "evm_setAutomine", json!([false])).await;
    for n in 0..3 {
        let request = call_to(counter, word(n)).gas_limit(100_000).nonce(1 + n);
        let _ = client.send_transaction(request).await.unwrap();
    }
    rpc(&node, "evm_mine", json!([])).await;
    let logs = client.get_logs(&Filter::new()).await.unwrap();
    let indices: Vec<_> = logs.iter().map(|log| (log.transaction_index, log.log_index)).collect();
    assert_eq!(indices, (0..3).map(|n| (Some(n), Some(n))).collect::<Vec<_>>());
    node.shutdown().await;
}

#[tokio::test]
async fn queries_that_are_too_large_are_refused_with_a_reason() {
    let mut config = Config::default();
    config.limits.log_results = 2;
    config.limits.log_blocks = 10;
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    for n in 0..3 {
        send(&client, call_to(counter, word(n))).await;
    }
    let error = rpc_error(&node, "eth_getLogs", json!([{ "fromBlock": "0x0" }])).await;
    assert_eq!(error["code"], -32005);
    assert!(error["message"].as_str().unwrap().contains("more than 2 logs"), "{error}");
    rpc(&node, "anvil_mine", json!(["0x14"])).await;
    let error = rpc_error(&node, "eth_getLogs", json!([{ "fromBlock": "0x0" }])).await;
    assert!(error["message"].as_str().unwrap().contains("more than 10 blocks"), "{error}");
    let backwards = json!([{ "fromBlock": "0x5", "toBlock": "0x4" }]);
    let error = rpc_error(&node, "eth_getLogs", backwards).await;
    assert_eq!(error["code"], -32602);
    node.shutdown().await;
}

#[tokio::test]
async fn polled_filters_give_each_change_once() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let logs = rpc(&node, "eth_newFilter", json!([{ "address": counter }])).await;
    let blocks = rpc(&node, "eth_newBlockFilter", json!([])).await;
    let pending = rpc(&node, "eth_newPendingTransactionFilter", json!([])).await;
    let receipt = send(&client, call_to(counter, word(5))).await;

    let changes = rpc(&node, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(changes[0]["transactionHash"], json!(receipt.transaction_hash));
    assert_eq!(changes[0]["removed"], false);
    assert_eq!(rpc(&node, "eth_getFilterChanges", json!([logs])).await, json!([]));
    assert_eq!(rpc(&node, "eth_getFilterLogs", json!([logs])).await.as_array().unwrap().len(), 1);
    let changes = rpc(&node, "eth_getFilterChanges", json!([blocks])).await;
    assert_eq!(changes, json!([receipt.block_hash]));
    let changes = rpc(&node, "eth_getFilterChanges", json!([pending])).await;
    assert_eq!(changes, json!([receipt.transaction_hash]));

    assert_eq!(rpc(&node, "eth_uninstallFilter", json!([logs])).await, true);
    assert_eq!(rpc(&node, "eth_uninstallFilter", json!([logs])).await, false);
    let error = rpc_error(&node, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(error["message"], "filter not found");
    node.shutdown().await;
}

#[tokio::test]
async fn subscribers_hear_of_heads_logs_and_pending_transactions() {
    let node = chain().await;
    let client = ws_client(&node).await;
    let counter = deploy(&client, &COUNTER).await;
    let mut heads = client.subscribe_blocks().await.unwrap().into_stream();
    let mut pending = client.subscribe_pending_transactions().await.unwrap().into_stream();
    let filter = Filter::new().address(counter);
    let mut logs = client.subscribe_logs(&filter).await.unwrap().into_stream();
    let receipt = send(&client, call_to(counter, word(3))).await;
    let head = within(heads.next()).await.unwrap();
    assert_eq!(Some(head.hash), receipt.block_hash);
    assert_eq!(within(pending.next()).await.unwrap(), receipt.transaction_hash);
    let log = within(logs.next()).await.unwrap();
    assert_eq!(log.transaction_hash, Some(receipt.transaction_hash));
    assert_eq!(log.data().data, word(3));
    node.shutdown().await;
}

#[tokio::test]
async fn after_unsubscribing_nothing_more_comes() {
    let node = chain().await;
    let (mut socket, _) = connect_async(node.ws_url()).await.unwrap();
    let mut heard = Vec::new();
    let mut ask = async |id: u64, method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        socket.send(Message::text(body.to_string())).await.unwrap();
        loop {
            let message = within(socket.next()).await.unwrap().unwrap();
            let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if message["id"] == id {
                return message["result"].clone();
            }
            heard.push(message["params"]["result"]["number"].clone());
        }
    };
    let subscription = ask(1, "eth_subscribe", json!(["newHeads"])).await;
    assert!(subscription.as_str().unwrap().starts_with("0x"), "{subscription}");
    ask(2, "evm_mine", json!([])).await;
    assert_eq!(ask(3, "eth_unsubscribe", json!([subscription])).await, true);
    ask(4, "evm_mine", json!([])).await;
    assert_eq!(ask(5, "eth_blockNumber", json!([])).await, "0x2");
    assert!(heard.is_empty() || heard == ["0x1"], "{heard:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn unknown_subscriptions_are_refused() {
    let node = chain().await;
    let client = ws_client(&node).await;
    let error = client
        .raw_request::<_, Value>("eth_subscribe".into(), json!(["weather"]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no subscription \"weather\""), "{error}");
    node.shutdown().await;
}

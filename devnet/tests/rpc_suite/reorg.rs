//! Reorganisations as subscribers and filters see them.

use crate::support::{
    COUNTER, call_to, chain, client, deploy, rpc, rpc_error, send, within, word, ws_client,
};
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::Filter;
use alloy::rpc::types::anvil::{ReorgOptions, TransactionData};
use futures::StreamExt;
use serde_json::json;

#[tokio::test]
async fn the_end_of_the_chain_is_replaced_and_logs_are_taken_back() {
    let node = chain().await;
    let client = ws_client(&node).await;
    let counter = deploy(&client, &COUNTER).await;
    let first = send(&client, call_to(counter, word(1))).await;
    let filter = Filter::new().address(counter);
    let mut logs = client.subscribe_logs(&filter).await.unwrap().into_stream();
    let polled = rpc(&node, "eth_newFilter", json!([{ "address": counter }])).await;
    let second = send(&client, call_to(counter, word(2))).await;
    assert!(!within(logs.next()).await.unwrap().removed);
    let height = client.get_block_number().await.unwrap();

    let again = call_to(counter, word(3)).from(node.accounts()[1].address);
    let options =
        ReorgOptions { depth: 1, tx_block_pairs: vec![(TransactionData::JSON(again), 0)] };
    client.anvil_reorg(options).await.unwrap();

    let removed = within(logs.next()).await.unwrap();
    assert!(removed.removed);
    assert_eq!(removed.block_hash, second.block_hash);
    let added = within(logs.next()).await.unwrap();
    assert!(!added.removed);
    assert_eq!(added.data().data, word(3));
    assert_eq!(client.get_block_number().await.unwrap(), height);
    assert_ne!(added.block_hash, second.block_hash);
    assert_eq!(added.block_number, second.block_number);

    // Two of three are there: the first stands, the second is gone.
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::from(2));
    assert!(client.get_transaction_receipt(first.transaction_hash).await.unwrap().is_some());
    assert!(client.get_transaction_receipt(second.transaction_hash).await.unwrap().is_none());
    assert!(client.get_block_by_hash(second.block_hash.unwrap()).await.unwrap().is_none());
    let changes = rpc(&node, "eth_getFilterChanges", json!([polled])).await;
    let flags: Vec<_> = changes.as_array().unwrap().iter().map(|log| &log["removed"]).collect();
    assert_eq!(flags, [&json!(false), &json!(true), &json!(false)]);
    node.shutdown().await;
}

#[tokio::test]
async fn removed_transactions_return_when_asked_for() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let first = send(&client, call_to(counter, word(1))).await;
    let second = send(&client, call_to(counter, word(2))).await;
    rpc(&node, "anvil_reorg", json!([2, [], true])).await;
    let again = client.get_transaction_receipt(second.transaction_hash).await.unwrap().unwrap();
    assert_eq!(again.block_number, second.block_number);
    assert_ne!(again.block_hash, second.block_hash);
    let again = client.get_transaction_receipt(first.transaction_hash).await.unwrap().unwrap();
    assert_ne!(again.block_hash, first.block_hash);
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::from(2));
    node.shutdown().await;
}

#[tokio::test]
async fn without_transactions_the_new_blocks_are_empty_and_the_nonces_free() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let lost = send(&client, call_to(counter, word(1))).await;
    rpc(&node, "anvil_reorg", json!([1, []])).await;
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::ZERO);
    let raw = json!([{ "from": node.accounts()[0].address, "to": counter, "input": word(1) }]);
    let hash = rpc(&node, "eth_sendTransaction", raw).await;
    assert_ne!(hash, json!(lost.block_hash));
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::from(1));
    node.shutdown().await;
}

#[tokio::test]
async fn a_reorg_beyond_genesis_is_refused_and_changes_nothing() {
    let node = chain().await;
    rpc(&node, "anvil_mine", json!(["0x2"])).await;
    let error = rpc_error(&node, "anvil_reorg", json!([3, []])).await;
    assert!(error["message"].as_str().unwrap().contains("more than the 2 blocks"), "{error}");
    assert_eq!(rpc(&node, "eth_blockNumber", json!([])).await, "0x2");
    let stranger = json!([1, [[{ "from": format!("0x{:040x}", 0xdead), "to": null }, 0]]]);
    let error = rpc_error(&node, "anvil_reorg", stranger).await;
    assert!(error["message"].as_str().unwrap().contains("unknown account"), "{error}");
    assert_eq!(rpc(&node, "eth_blockNumber", json!([])).await, "0x2");
    rpc(&node, "anvil_rollback", json!([1])).await;
    assert_eq!(rpc(&node, "eth_blockNumber", json!([])).await, "0x1");
    node.shutdown().await;
}

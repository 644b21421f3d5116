//! Calls, overrides, estimates, access lists, and the past.

use crate::support::{
    BLOCK_INFO, COUNTER, REVERTER, call_to, chain, client, deploy, rpc, rpc_error, send, word,
};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::StateOverridesBuilder;
use serde_json::json;

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");

fn words(data: &Bytes) -> Vec<U256> {
    data.chunks(32).map(U256::from_be_slice).collect()
}

#[tokio::test]
async fn overrides_change_the_call_and_nothing_else() {
    let node = chain().await;
    let client = client(&node);
    // SLOAD(0), BALANCE(self), both returned.
    let code = Bytes::from_static(&[
        0x60, 0, 0x54, 0x60, 0, 0x52, 0x47, 0x60, 0x20, 0x52, 0x60, 0x40, 0x60, 0, 0xf3,
    ]);
    let overrides = StateOverridesBuilder::default()
        .with_code(SOMEBODY, code)
        .with_balance(SOMEBODY, U256::from(123))
        .with_state_diff(SOMEBODY, [(B256::ZERO, B256::with_last_byte(9))]);
    let answer = client
        .call(TransactionRequest::default().to(SOMEBODY))
        .overrides(overrides.build())
        .await
        .unwrap();
    assert_eq!(words(&answer), [U256::from(9), U256::from(123)]);
    assert!(client.get_code_at(SOMEBODY).await.unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn block_overrides_change_what_the_call_sees() {
    let node = chain().await;
    let client = client(&node);
    let info = deploy(&client, &BLOCK_INFO).await;
    let plain = words(&client.call(call_to(info, Bytes::new())).await.unwrap());
    let latest = client.get_block(BlockId::latest()).await.unwrap().unwrap();
    assert_eq!(plain[0], U256::from(latest.header.timestamp));
    assert_eq!(plain[1], U256::ZERO, "NUMBER speaks of the parent chain");
    assert_eq!(plain[4], U256::from(412_346));
    let blocks = json!({ "time": "0x64", "number": "0x7", "feeRecipient": SOMEBODY });
    let call = json!([{ "to": info }, "latest", null, blocks]);
    let answer: Bytes = serde_json::from_value(rpc(&node, "eth_call", call).await).unwrap();
    let seen = words(&answer);
    assert_eq!((seen[0], seen[1]), (U256::from(100), U256::from(7)));
    assert_eq!(seen[3], U256::from_be_slice(SOMEBODY.as_slice()));
    node.shutdown().await;
}

#[tokio::test]
async fn the_past_can_be_asked_by_number_and_hash() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let mut hashes = Vec::new();
    for n in 0..3 {
        hashes.push(send(&client, call_to(counter, word(n))).await.block_hash.unwrap());
    }
    for (count, hash) in (1u64..).zip(hashes) {
        let at = client.get_storage_at(counter, U256::ZERO).hash(hash).await.unwrap();
        assert_eq!(at, U256::from(count));
        let by_number = client.get_storage_at(counter, U256::ZERO).number(count + 1).await.unwrap();
        assert_eq!(by_number, U256::from(count));
    }
    assert!(client.get_code_at(counter).number(0).await.unwrap().is_empty());
    let error = rpc_error(&node, "eth_getBalance", json!([counter, "0x99"])).await;
    assert_eq!(
        (error["code"].as_i64(), &error["message"]),
        (Some(-32000), &json!("header not found"))
    );
    node.shutdown().await;
}

#[tokio::test]
async fn old_states_are_dropped_when_the_history_is_short() {
    let mut config = devnet::Config::default();
    config.limits.state_history = 3;
    let node = devnet::Devnet::spawn(config).await.unwrap();
    rpc(&node, "anvil_mine", json!(["0xa"])).await;
    rpc(&node, "eth_getBalance", json!([SOMEBODY, "0x8"])).await;
    let error = rpc_error(&node, "eth_getBalance", json!([SOMEBODY, "0x7"])).await;
    assert!(error["message"].as_str().unwrap().contains("block 7 is not available"), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn an_estimate_is_enough_and_not_much_more() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let request = call_to(counter, word(1)).from(node.accounts()[0].address);
    let estimate = client.estimate_gas(request.clone()).await.unwrap();
    let receipt = send(&client, request.gas_limit(estimate)).await;
    assert!(receipt.status());
    assert!(estimate >= receipt.gas_used);
    assert!(estimate as f64 <= receipt.gas_used as f64 * 1.02, "{estimate} {}", receipt.gas_used);
    let transfer = TransactionRequest::default().to(SOMEBODY).value(U256::from(1));
    let transfer = transfer.from(node.accounts()[0].address);
    assert_eq!(client.estimate_gas(transfer).await.unwrap(), 21_000);
    node.shutdown().await;
}

#[tokio::test]
async fn an_estimate_of_a_deployment_is_enough() {
    let node = chain().await;
    let client = client(&node);
    let init = crate::support::init_code(&COUNTER);
    let request = TransactionRequest::default().create().input(init.into());
    let request = request.from(node.accounts()[0].address);
    let estimate = client.estimate_gas(request.clone()).await.unwrap();
    assert!(send(&client, request.gas_limit(estimate)).await.status());
    node.shutdown().await;
}

#[tokio::test]
async fn estimates_fail_as_the_call_would() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &REVERTER).await;
    let error =
        rpc_error(&node, "eth_estimateGas", json!([{ "to": reverter, "input": "0x01020304" }]))
            .await;
    assert_eq!((error["code"].as_i64(), &error["data"]), (Some(3), &json!("0x01020304")));
    let poor = json!([{ "from": SOMEBODY, "to": reverter, "value": "0x1" }]);
    let error = rpc_error(&node, "eth_estimateGas", poor).await;
    assert!(error["message"].as_str().unwrap().contains("insufficient funds"), "{error}");
    let counter = deploy(&client, &COUNTER).await;
    let tight = json!([{ "to": counter, "input": word(1), "gas": "0x5300" }]);
    let error = rpc_error(&node, "eth_estimateGas", tight).await;
    assert_eq!(error["message"], "gas required exceeds allowance (21248)");
    node.shutdown().await;
}

#[tokio::test]
async fn an_access_list_names_the_slots_that_are_touched() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let list = client.create_access_list(&call_to(counter, word(1))).await.unwrap();
    assert_eq!(list.access_list.0.len(), 1);
    assert_eq!(list.access_list.0[0].address, counter);
    assert_eq!(list.access_list.0[0].storage_keys, [B256::ZERO]);
    assert_eq!(list.error, None);
    node.shutdown().await;
}

#[tokio::test]
async fn fees_are_the_base_fee_and_tips_are_nothing() {
    let node = chain().await;
    let client = client(&node);
    rpc(&node, "anvil_mine", json!(["0x3"])).await;
    assert_eq!(client.get_gas_price().await.unwrap(), 100_000_000);
    assert_eq!(client.get_max_priority_fee_per_gas().await.unwrap(), 0);
    let history = client.get_fee_history(2, Default::default(), &[10.0, 50.0]).await.unwrap();
    assert_eq!(history.oldest_block, 2);
    assert_eq!(history.base_fee_per_gas, [100_000_000; 3]);
    assert_eq!(history.reward, Some(vec![vec![0, 0], vec![0, 0]]));
    let error = rpc_error(&node, "eth_feeHistory", json!(["0x1", "latest", [60, 50]])).await;
    assert!(error["message"].as_str().unwrap().contains("percentiles"), "{error}");
    node.shutdown().await;
}

//! Waiting transactions and when they are mined.

use crate::support::{call_to, chain, client, rpc, rpc_error, within};
use alloy::primitives::{Address, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use devnet::{Config, Devnet};
use serde_json::json;
use std::time::Duration;

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");

fn transfer(nonce: u64) -> TransactionRequest {
    TransactionRequest::default()
        .to(SOMEBODY)
        .value(U256::from(1))
        .nonce(nonce)
        .gas_limit(21_000)
        .max_fee_per_gas(200_000_000)
        .max_priority_fee_per_gas(0)
}

#[tokio::test]
async fn a_future_nonce_waits_for_the_gap_to_be_filled() {
    let node = chain().await;
    let client = client(&node);
    let sender = node.accounts()[0].address;
    let late = client.send_transaction(transfer(1)).await.unwrap();
    assert_eq!(client.get_block_number().await.unwrap(), 0);
    let status = rpc(&node, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x1" }));
    assert_eq!(client.get_transaction_count(sender).pending().await.unwrap(), 0);
    let early = client.send_transaction(transfer(0)).await.unwrap();
    let early = within(early.get_receipt()).await.unwrap();
    let late = within(late.get_receipt()).await.unwrap();
    assert_eq!((early.block_number, late.block_number), (Some(1), Some(2)));
    node.shutdown().await;
}

#[tokio::test]
async fn without_automining_transactions_wait_for_a_block() {
    let node = chain().await;
    let client = client(&node);
    let sender = node.accounts()[0].address;
    rpc(&node, "evm_setAutomine", json!([false])).await;
    for nonce in 0..3 {
        let _ = client.send_transaction(transfer(nonce)).await.unwrap();
    }
    assert_eq!(client.get_transaction_count(sender).pending().await.unwrap(), 3);
    assert_eq!(client.get_transaction_count(sender).await.unwrap(), 0);
    let status = rpc(&node, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x3", "queued": "0x0" }));
    rpc(&node, "evm_mine", json!([])).await;
    let block = client.get_block(1.into()).await.unwrap().unwrap();
    assert_eq!(block.transactions.len(), 3);
    assert_eq!(block.header.gas_used, 63_000);
    assert_eq!(client.get_transaction_count(sender).await.unwrap(), 3);
    node.shutdown().await;
}

#[tokio::test]
async fn a_waiting_transaction_can_be_replaced_and_dropped() {
    let node = chain().await;
    let client = client(&node);
    rpc(&node, "evm_setAutomine", json!([false])).await;
    let first = *client.send_transaction(transfer(0)).await.unwrap().tx_hash();
    let error = client
        .send_transaction(transfer(0).max_fee_per_gas(210_000_000))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("replacement transaction underpriced"), "{error}");
    let second = transfer(0).max_fee_per_gas(300_000_000);
    let second = *client.send_transaction(second).await.unwrap().tx_hash();
    assert!(client.get_transaction_by_hash(first).await.unwrap().is_none());
    let waiting = client.get_transaction_by_hash(second).await.unwrap().unwrap();
    assert_eq!(waiting.block_number, None);
    assert_eq!(rpc(&node, "anvil_dropTransaction", json!([second])).await, json!(second));
    assert!(client.get_transaction_by_hash(second).await.unwrap().is_none());
    rpc(&node, "evm_mine", json!([])).await;
    assert!(client.get_block(1.into()).await.unwrap().unwrap().transactions.is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn switching_automining_on_mines_what_waits() {
    let node = chain().await;
    let client = client(&node);
    rpc(&node, "evm_setAutomine", json!([false])).await;
    assert_eq!(rpc(&node, "anvil_getAutomine", json!([])).await, false);
    let waiting = client.send_transaction(transfer(0)).await.unwrap();
    rpc(&node, "evm_setAutomine", json!([true])).await;
    assert!(within(waiting.get_receipt()).await.unwrap().status());
    node.shutdown().await;
}

#[tokio::test]
async fn blocks_come_at_intervals_when_asked_for() {
    let config = Config { block_time: Some(Duration::from_millis(50)), ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    let waiting = client.send_transaction(transfer(0)).await.unwrap();
    let receipt = within(waiting.get_receipt()).await.unwrap();
    let reach = receipt.block_number.unwrap() + 2;
    within(async {
        while client.get_block_number().await.unwrap() < reach {
            tokio::task::yield_now().await;
        }
    })
    .await;
    rpc(&node, "evm_setIntervalMining", json!([0])).await;
    let height = client.get_block_number().await.unwrap();
    rpc(&node, "evm_mine", json!([])).await;
    assert_eq!(client.get_block_number().await.unwrap(), height + 1);
    node.shutdown().await;
}

#[tokio::test]
async fn what_can_never_be_mined_is_refused_at_once() {
    let node = chain().await;
    let client = client(&node);
    let send = |request: TransactionRequest| {
        let client = client.clone();
        async move { client.send_transaction(request).await.unwrap_err().to_string() }
    };
    let rich = transfer(0).value(U256::MAX / U256::from(2));
    assert!(send(rich).await.contains("insufficient funds for gas * price + value"));
    let stingy = transfer(0).max_fee_per_gas(99_999_999);
    assert!(send(stingy).await.contains("max fee per gas less than block base fee"));
    let tight = transfer(0).gas_limit(20_999);
    let error = send(tight).await;
    assert!(error.contains("intrinsic gas too low: have 20999, want 21000"), "{error}");
    let pending = client.send_transaction(transfer(0)).await.unwrap();
    within(pending.get_receipt()).await.unwrap();
    let again = transfer(0).value(U256::from(9));
    assert!(send(again).await.contains("nonce too low"));
    assert_eq!(client.get_block_number().await.unwrap(), 1);
    let raw = json!(["0x02c0"]);
    let error = rpc_error(&node, "eth_sendRawTransaction", raw).await;
    assert!(error["message"].as_str().unwrap().starts_with("rlp: "), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn a_block_ends_when_its_gas_is_used_up() {
    let node = chain().await;
    let client = client(&node);
    // Loops until the gas is gone: JUMPDEST PUSH1 0 JUMP.
    let burner = crate::support::deploy(&client, &[0x5b, 0x60, 0, 0x56]).await;
    rpc(&node, "evm_setAutomine", json!([false])).await;
    for nonce in 1..=3 {
        let burn = call_to(burner, Bytes::new()).nonce(nonce).gas_limit(20_000_000);
        let _ = client.send_transaction(burn).await.unwrap();
    }
    rpc(&node, "evm_mine", json!([])).await;
    let block = client.get_block(2.into()).await.unwrap().unwrap();
    assert_eq!(block.transactions.len(), 2);
    rpc(&node, "evm_mine", json!([])).await;
    let block = client.get_block(3.into()).await.unwrap().unwrap();
    assert_eq!(block.transactions.len(), 1);
    node.shutdown().await;
}

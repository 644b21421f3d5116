//! Snapshots, time, and direct changes of accounts.

use crate::support::{
    BLOCK_INFO, COUNTER, call_to, chain, client, deploy, rpc, rpc_error, send, word,
};
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use devnet::genesis::ENTRY_POINT;
use devnet::{Config, Devnet, Order};
use serde_json::json;

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");

#[tokio::test]
async fn a_snapshot_brings_everything_back_once() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let before = client.get_block(Default::default()).await.unwrap().unwrap();
    let id = client.anvil_snapshot().await.unwrap();
    let receipt = send(&client, call_to(counter, word(1))).await;
    client.anvil_set_balance(SOMEBODY, U256::from(5)).await.unwrap();
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::from(1));

    assert!(client.anvil_revert(id).await.unwrap());
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::ZERO);
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::ZERO);
    let after = client.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!(after.header.hash, before.header.hash);
    assert!(client.get_transaction_receipt(receipt.transaction_hash).await.unwrap().is_none());
    assert!(!client.anvil_revert(id).await.unwrap());
    // The same transaction can be mined again.
    assert!(send(&client, call_to(counter, word(1)).nonce(1)).await.status());
    node.shutdown().await;
}

#[tokio::test]
async fn an_earlier_snapshot_uses_up_the_later_ones() {
    let node = chain().await;
    let client = client(&node);
    let first = client.anvil_snapshot().await.unwrap();
    client.anvil_mine(Some(1), None).await.unwrap();
    let second = client.anvil_snapshot().await.unwrap();
    assert!(client.anvil_revert(first).await.unwrap());
    assert_eq!(client.get_block_number().await.unwrap(), 0);
    assert!(!client.anvil_revert(second).await.unwrap());
    node.shutdown().await;
}

#[tokio::test]
async fn time_can_be_moved_and_pinned() {
    let config = Config { timestamp: Some(1_000_000), ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    let info = deploy(&client, &BLOCK_INFO).await;
    client.anvil_set_next_block_timestamp(2_000_000).await.unwrap();
    client.anvil_mine(Some(1), None).await.unwrap();
    let block = client.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!(block.header.timestamp, 2_000_000);
    let seen = client.call(call_to(info, Bytes::new())).await.unwrap();
    assert_eq!(U256::from_be_slice(&seen[..32]), U256::from(2_000_000));

    client.anvil_increase_time(3_600).await.unwrap();
    client.anvil_mine(Some(1), None).await.unwrap();
    let block = client.get_block(Default::default()).await.unwrap().unwrap();
    assert!((2_003_600..2_003_660).contains(&block.header.timestamp));

    let error = rpc_error(&node, "evm_setNextBlockTimestamp", json!([1])).await;
    assert!(error["message"].as_str().unwrap().contains("before the latest block"), "{error}");

    let start = block.header.timestamp;
    client.anvil_mine(Some(3), Some(12)).await.unwrap();
    let block = client.get_block(Default::default()).await.unwrap().unwrap();
    assert!((start + 24..start + 84).contains(&block.header.timestamp));
    node.shutdown().await;
}

#[tokio::test]
async fn accounts_can_be_changed_directly() {
    let node = chain().await;
    let client = client(&node);
    client.anvil_set_balance(SOMEBODY, U256::from(99)).await.unwrap();
    client.anvil_set_nonce(SOMEBODY, 7).await.unwrap();
    client.anvil_set_code(SOMEBODY, COUNTER).await.unwrap();
    let slot = U256::ZERO;
    client.anvil_set_storage_at(SOMEBODY, slot, B256::with_last_byte(41)).await.unwrap();
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(99));
    assert_eq!(client.get_transaction_count(SOMEBODY).await.unwrap(), 7);
    send(&client, call_to(SOMEBODY, word(1))).await;
    assert_eq!(client.get_storage_at(SOMEBODY, slot).await.unwrap(), U256::from(42));
    node.shutdown().await;
}

#[tokio::test]
async fn impersonated_senders_need_no_key() {
    let node = chain().await;
    let client = client(&node);
    client.anvil_set_balance(SOMEBODY, U256::from(10).pow(U256::from(18))).await.unwrap();
    let tx = json!([{ "from": SOMEBODY, "to": Address::ZERO, "value": "0x1" }]);
    let error = rpc_error(&node, "eth_sendTransaction", tx.clone()).await;
    assert!(error["message"].as_str().unwrap().contains("unknown account"), "{error}");
    client.anvil_impersonate_account(SOMEBODY).await.unwrap();
    let hash = rpc(&node, "eth_sendTransaction", tx.clone()).await;
    let receipt = rpc(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!((&receipt["status"], &receipt["from"]), (&json!("0x1"), &json!(SOMEBODY)));
    client.anvil_stop_impersonating_account(SOMEBODY).await.unwrap();
    rpc_error(&node, "eth_sendTransaction", tx).await;
    node.shutdown().await;
}

#[tokio::test]
async fn an_impersonated_contract_can_send() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let balance = U256::from(10).pow(U256::from(18));
    client.anvil_set_balance(ENTRY_POINT, balance).await.unwrap();
    client.anvil_impersonate_account(ENTRY_POINT).await.unwrap();
    let tx = json!([{ "from": ENTRY_POINT, "to": counter, "input": word(1) }]);
    let hash = rpc(&node, "eth_sendTransaction", tx).await;
    let receipt = rpc(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::from(1));
    assert_eq!(client.get_transaction_count(ENTRY_POINT).await.unwrap(), 3);
    node.shutdown().await;
}

#[tokio::test]
async fn the_next_base_fee_can_be_set() {
    let node = chain().await;
    let client = client(&node);
    client.anvil_set_next_block_base_fee_per_gas(7).await.unwrap();
    let receipt = send(&client, TransactionRequest::default().to(SOMEBODY)).await;
    assert_eq!(receipt.effective_gas_price, 7);
    node.shutdown().await;
}

#[tokio::test]
async fn node_info_tells_where_the_chain_is() {
    let node = chain().await;
    let client = client(&node);
    client.anvil_mine(Some(2), None).await.unwrap();
    let info = client.anvil_node_info().await.unwrap();
    assert_eq!((info.current_block_number, info.environment.chain_id), (2, 412_346));
    let metadata = client.anvil_metadata().await.unwrap();
    assert_eq!(metadata.latest_block_hash, info.current_block_hash);
    node.shutdown().await;
}

#[tokio::test]
async fn a_smaller_block_limit_spreads_transactions_over_more_blocks() {
    let node = chain().await;
    let client = client(&node);
    client.anvil_set_auto_mine(false).await.unwrap();
    assert!(client.anvil_set_block_gas_limit(21_000).await.unwrap());
    for nonce in 0..3 {
        let tx = TransactionRequest::default().to(SOMEBODY).nonce(nonce).gas_limit(21_000);
        let _ = client.send_transaction(tx).await.unwrap();
    }
    client.anvil_mine(Some(4), None).await.unwrap();
    let mut sizes = Vec::new();
    for number in 1..=4 {
        let block = client.get_block(number.into()).await.unwrap().unwrap();
        sizes.push(block.transactions.len());
        // Arbitrum's headers always show the same limit.
        assert_eq!(block.header.gas_limit, 1 << 50);
    }
    assert_eq!(sizes, [1, 1, 1, 0]);
    assert_eq!(client.anvil_node_info().await.unwrap().environment.gas_limit, 21_000);
    let error = rpc_error(&node, "evm_setBlockGasLimit", json!([20_999])).await;
    assert_eq!(error["code"], -32602);
    node.shutdown().await;
}

#[tokio::test]
async fn blocks_can_stand_a_fixed_time_apart() {
    let node = Devnet::spawn(Config { timestamp: Some(1_000), ..Config::default() }).await.unwrap();
    let client = client(&node);
    client.anvil_set_block_timestamp_interval(30).await.unwrap();
    client.anvil_mine(Some(3), None).await.unwrap();
    let block = client.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!(block.header.timestamp, 1_090);
    assert!(client.anvil_remove_block_timestamp_interval().await.unwrap());
    assert!(!client.anvil_remove_block_timestamp_interval().await.unwrap());
    node.shutdown().await;
}

#[tokio::test]
async fn waiting_transactions_can_be_dropped_and_looked_at_by_sender() {
    let node = chain().await;
    let client = client(&node);
    let [first, second] = [node.accounts()[0].address, node.accounts()[1].address];
    client.anvil_set_auto_mine(false).await.unwrap();
    assert!(!client.anvil_get_auto_mine().await.unwrap());
    let mut hashes = Vec::new();
    for (from, nonce) in [(first, 0), (first, 5), (second, 0)] {
        let tx = TransactionRequest::default().to(SOMEBODY).from(from).nonce(nonce);
        hashes.push(*client.send_transaction(tx.gas_limit(21_000)).await.unwrap().tx_hash());
    }
    let content = rpc(&node, "txpool_contentFrom", json!([first])).await;
    assert_eq!(content["pending"]["0"]["hash"], json!(hashes[0]));
    assert_eq!(content["queued"]["5"]["hash"], json!(hashes[1]));
    assert_eq!(client.anvil_drop_transaction(hashes[1]).await.unwrap(), Some(hashes[1]));
    assert_eq!(client.anvil_drop_transaction(hashes[1]).await.unwrap(), None);
    client.anvil_remove_pool_transactions(first).await.unwrap();
    let content = rpc(&node, "txpool_contentFrom", json!([first])).await;
    assert_eq!(content, json!({ "pending": {}, "queued": {} }));
    client.anvil_drop_all_transactions().await.unwrap();
    let status = rpc(&node, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x0" }));
    node.shutdown().await;
}

#[tokio::test]
async fn the_best_offer_comes_first_if_that_is_the_order() {
    let config = Config { order: Order::Fees, no_mining: true, ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    let mut hashes = Vec::new();
    for (account, fee) in [(0, 2), (1, 3), (2, 1)] {
        let tx = TransactionRequest::default()
            .to(SOMEBODY)
            .from(node.accounts()[account].address)
            .max_fee_per_gas(fee * 1_000_000_000)
            .max_priority_fee_per_gas(0);
        hashes.push(*client.send_transaction(tx).await.unwrap().tx_hash());
    }
    assert_eq!(client.get_block_number().await.unwrap(), 0);
    client.evm_mine(None).await.unwrap();
    let block = client.get_block(1.into()).await.unwrap().unwrap();
    let mined: Vec<_> = block.transactions.hashes().collect();
    assert_eq!(mined, [hashes[1], hashes[0], hashes[2]]);
    assert_eq!(client.anvil_node_info().await.unwrap().transaction_order, "fees");
    node.shutdown().await;
}

#[tokio::test]
async fn with_mixed_mining_transactions_need_not_wait_for_the_interval() {
    let hour = std::time::Duration::from_secs(3_600);
    let config = Config { block_time: Some(hour), mixed_mining: true, ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    assert!(send(&client(&node), TransactionRequest::default().to(SOMEBODY)).await.status());
    assert_eq!(rpc(&node, "anvil_getIntervalMining", json!([])).await, 3_600);
    rpc(&node, "evm_setIntervalMining", json!([0])).await;
    assert!(rpc(&node, "anvil_getIntervalMining", json!([])).await.is_null());
    node.shutdown().await;
}

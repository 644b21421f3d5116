//! Transactions that are not accepted, each with the code and words that Ethereum clients expect.

use crate::support::{chain, post, request, rpc, rpc_error};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEip4844, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, Signature, TxKind, U256, address};
use alloy::signers::local::PrivateKeySigner;
use devnet::Devnet;
use serde_json::json;

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");
const CHAIN_ID: u64 = 412_346;

fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(SOMEBODY),
        value: U256::from(1),
        ..TxEip1559::default()
    }
}

fn signed<T>(mut tx: T, signer: &PrivateKeySigner) -> Bytes
where
    T: SignableTransaction<Signature>,
    alloy::consensus::Signed<T>: Encodable2718,
{
    let signature = signer.sign_transaction_sync(&mut tx).unwrap();
    tx.into_signed(signature).encoded_2718().into()
}

/// Sends bytes that must be refused with the server's code and a message that begins so.
async fn refused(node: &Devnet, raw: impl Into<Bytes>, message: &str) {
    let error = rpc_error(node, "eth_sendRawTransaction", json!([raw.into()])).await;
    assert_eq!(error["code"], -32000, "{message}: {error}");
    assert!(error["message"].as_str().unwrap().starts_with(message), "{message}: {error}");
}

#[tokio::test]
async fn bytes_that_are_no_transaction() {
    let node = chain().await;
    let signer = node.accounts()[0].signer().unwrap();
    let good = signed(transfer(0), &signer);
    let legacy = signed(TxLegacy { chain_id: Some(CHAIN_ID), ..TxLegacy::default() }, &signer);
    let and_more = |raw: &Bytes| [raw, [1].as_slice()].concat();
    for (raw, message) in [
        (Vec::new(), "typed transaction too short"),
        (vec![2], "typed transaction too short"),
        (vec![0x7f, 0xc0], "transaction type not supported"),
        (vec![3, 0xc0], "transaction type not supported"),
        (good[..good.len() - 1].to_vec(), "rlp: value size exceeds available input length"),
        (legacy[..9].to_vec(), "rlp: value size exceeds available input length"),
        (and_more(&good), "rlp: input contains more than one value"),
        (and_more(&legacy), "rlp: input contains more than one value"),
        (vec![0x81, 0x80], "rlp: "),
        (vec![0xc0], "rlp: "),
    ] {
        refused(&node, raw, message).await;
    }
    let error = rpc_error(&node, "eth_sendRawTransaction", json!(["0xzz"])).await;
    assert_eq!(error["code"], -32602, "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn transactions_of_other_chains_and_of_nobody() {
    let node = chain().await;
    let signer = node.accounts()[0].signer().unwrap();
    let other = TxEip1559 { chain_id: 1, ..transfer(0) };
    let message = "invalid chain id for signer: have 1 want 412346";
    refused(&node, signed(other, &signer), message).await;
    let order = U256::from_be_slice(&alloy::primitives::hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let nobody = transfer(0).into_signed(Signature::new(order, U256::ONE, false));
    refused(&node, nobody.encoded_2718(), "invalid transaction v, r, s values").await;
    let blob = TxEip4844 { chain_id: CHAIN_ID, gas_limit: 21_000, ..TxEip4844::default() };
    let blob = signed(blob, &signer);
    refused(&node, blob, "transaction type not supported").await;
    node.shutdown().await;
}

#[tokio::test]
async fn transactions_that_cannot_be_paid_or_run() {
    let node = chain().await;
    let signer = node.accounts()[0].signer().unwrap();
    let poor = PrivateKeySigner::random();
    let create = |size: usize| TxEip1559 {
        to: TxKind::Create,
        input: vec![0; size].into(),
        gas_limit: 5_000_000,
        value: U256::ZERO,
        ..transfer(0)
    };
    let data = TxEip1559 { gas_limit: 21_015, input: vec![1].into(), ..transfer(0) };
    for (tx, message) in [
        (
            TxEip1559 { gas_limit: 20_999, ..transfer(0) },
            "intrinsic gas too low: have 20999, want 21000",
        ),
        (data, "intrinsic gas too low: have 21015, want 21016"),
        (TxEip1559 { gas_limit: u64::MAX, ..transfer(0) }, "exceeds block gas limit"),
        (create(49_153), "max initcode size exceeded: code size 49153 limit 49152"),
        (
            TxEip1559 { max_fee_per_gas: 1, ..transfer(0) },
            "max fee per gas less than block base fee",
        ),
        (
            TxEip1559 { max_priority_fee_per_gas: 2_000_000_000, ..transfer(0) },
            "max priority fee per gas higher than max fee per gas",
        ),
        (
            TxEip1559 { value: U256::MAX >> 8, ..transfer(0) },
            "insufficient funds for gas * price + value: address 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 have 10000000000000000000000 want ",
        ),
    ] {
        refused(&node, signed(tx, &signer), message).await;
    }
    refused(&node, signed(transfer(0), &poor), "insufficient funds for gas * price + value").await;
    // One byte less, or one gas more, is accepted.
    rpc(&node, "eth_sendRawTransaction", json!([signed(create(49_152), &signer)])).await;
    let enough = TxEip1559 { gas_limit: 21_016, input: vec![1].into(), ..transfer(1) };
    rpc(&node, "eth_sendRawTransaction", json!([signed(enough, &signer)])).await;
    node.shutdown().await;
}

#[tokio::test]
async fn transactions_that_come_too_late_or_twice() {
    let node = chain().await;
    let signer = node.accounts()[0].signer().unwrap();
    let first = signed(transfer(0), &signer);
    rpc(&node, "eth_sendRawTransaction", json!([first])).await;
    refused(&node, first, "already known").await;
    let late = TxEip1559 { value: U256::from(2), ..transfer(0) };
    refused(&node, signed(late, &signer), "nonce too low: address 0xf39Fd6e5").await;

    rpc(&node, "anvil_setAutomine", json!([false])).await;
    let waiting = signed(transfer(1), &signer);
    rpc(&node, "eth_sendRawTransaction", json!([waiting])).await;
    refused(&node, waiting, "already known").await;
    let bid = |fee| TxEip1559 { max_fee_per_gas: fee, value: U256::from(2), ..transfer(1) };
    let cheap = signed(bid(1_099_999_999), &signer);
    refused(&node, cheap, "replacement transaction underpriced").await;
    rpc(&node, "eth_sendRawTransaction", json!([signed(bid(1_100_000_000), &signer)])).await;
    let status = rpc(&node, "txpool_status", json!([])).await;
    assert_eq!(status["pending"], "0x1");
    node.shutdown().await;
}

#[tokio::test]
async fn a_refused_transaction_leaves_no_trace() {
    let node = chain().await;
    let signer = node.accounts()[0].signer().unwrap();
    let low = TxEip1559 { gas_limit: 20_000, ..transfer(0) };
    post(&node, request("eth_sendRawTransaction", json!([signed(low, &signer)]))).await;
    assert_eq!(rpc(&node, "eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(rpc(&node, "txpool_status", json!([])).await["queued"], "0x0");
    let count = json!([signer.address(), "pending"]);
    assert_eq!(rpc(&node, "eth_getTransactionCount", count).await, "0x0");
    node.shutdown().await;
}

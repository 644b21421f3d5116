//! The ERC-4337 methods, with real accounts of the reference implementation.

use crate::smart::{NOBODY, Stage, artifact, deploy, owner, send, sign};
use alloy::eips::eip7702::Authorization;
use alloy::primitives::{Bytes, U128, U256, bytes};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::sol;
use alloy::sol_types::{SolError, SolValue};
use devnet::bundler::UserOperation;
use devnet::genesis::ENTRY_POINT;
use serde_json::json;

sol! {
    error TooLate(uint256 when);
}

const DATA: Bytes = bytes!("00000000000000000000000000000000000000000000000000000000000000070a");

#[tokio::test]
async fn an_account_is_created_and_used_by_an_estimated_operation() {
    let stage = Stage::new().await;
    let owner = owner(1);
    let mut op = stage.operation(&owner, stage.counter, DATA).await;
    stage.estimate(&mut op).await;
    sign(&mut op, &owner, None);
    let hash = stage.send(&op).await.unwrap();
    assert_eq!(hash, json!(op.hash(412_346, None)));

    let receipt = stage.node.call("eth_getUserOperationReceipt", json!([hash])).await;
    assert_eq!(receipt["success"], true, "{receipt:#}");
    assert_eq!(receipt["sender"], json!(op.sender));
    assert_eq!(receipt["userOpHash"], hash);
    // The logs are those of the call alone.
    assert_eq!(receipt["logs"].as_array().unwrap().len(), 1, "{receipt:#}");
    assert_eq!(receipt["logs"][0]["data"], json!(DATA));
    let carrier = &receipt["receipt"];
    assert_eq!(carrier["to"], json!(ENTRY_POINT.to_string().to_lowercase()));
    // What the bundler spent it got back.
    let number = |text: &serde_json::Value| text.as_str().unwrap().parse::<U256>().unwrap();
    assert!(number(&receipt["actualGasUsed"]) >= number(&carrier["gasUsed"]), "{receipt:#}");

    let found = stage.node.call("eth_getUserOperationByHash", json!([hash])).await;
    let mined: UserOperation = serde_json::from_value(found["userOperation"].clone()).unwrap();
    assert_eq!(mined, op);
    assert_eq!(found["transactionHash"], carrier["transactionHash"]);
    let slot = stage.node.call("eth_getStorageAt", json!([stage.counter, "0x0", "latest"])).await;
    assert_eq!(number(&slot), U256::ONE);

    let points = stage.node.call("eth_supportedEntryPoints", json!([])).await;
    assert_eq!(points, json!([ENTRY_POINT.to_string().to_lowercase()]));
    let unknown =
        stage.node.call("eth_getUserOperationByHash", json!([alloy::primitives::B256::ZERO])).await;
    assert_eq!(unknown, json!(null));
    stage.devnet.shutdown().await;
}

fn reason(when: u64) -> Bytes {
    TooLate { when: U256::from(when) }.abi_encode().into()
}

/// The code and text of an error.
async fn refused(stage: &Stage, op: &UserOperation) -> String {
    stage.send(op).await.unwrap_err()
}

#[tokio::test]
async fn refusals_carry_the_codes_of_the_standard() {
    let stage = Stage::new().await;
    let owner = owner(2);
    let mut op = stage.operation(&owner, stage.counter, DATA).await;
    stage.estimate(&mut op).await;

    // Nobody has signed yet.
    let error = refused(&stage, &op).await;
    assert!(error.contains("-32507") && error.contains("AA24"), "{error}");
    sign(&mut op, &crate::smart::owner(3), None);
    let error = refused(&stage, &op).await;
    assert!(error.contains("-32507") && error.contains("AA24"), "{error}");

    let mut cheap = op.clone();
    cheap.max_fee_per_gas = U128::from(99_999_999);
    sign(&mut cheap, &owner, None);
    let error = refused(&stage, &cheap).await;
    assert!(error.contains("-32602") && error.contains("maxFeePerGas"), "{error}");

    let mut tight = op.clone();
    tight.pre_verification_gas = U256::from(21_000);
    sign(&mut tight, &owner, None);
    let error = refused(&stage, &tight).await;
    assert!(error.contains("-32602") && error.contains("preVerificationGas"), "{error}");

    let mut short = op.clone();
    short.verification_gas_limit = U128::from(20_000);
    sign(&mut short, &owner, None);
    let error = refused(&stage, &short).await;
    assert!(error.contains("-32500") && error.contains("AA13"), "{error}");

    let mut early = op.clone();
    early.nonce = U256::ONE;
    sign(&mut early, &owner, None);
    let error = refused(&stage, &early).await;
    assert!(error.contains("-32500") && error.contains("AA25"), "{error}");

    let mut orphan = op.clone();
    (orphan.factory, orphan.factory_data) = (None, None);
    sign(&mut orphan, &owner, None);
    let error = refused(&stage, &orphan).await;
    assert!(error.contains("-32500") && error.contains("AA20"), "{error}");

    let mut sponsored = op.clone();
    sponsored.paymaster = Some(stage.counter);
    sponsored.paymaster_verification_gas_limit = Some(U128::from(50_000));
    sign(&mut sponsored, &owner, None);
    let error = refused(&stage, &sponsored).await;
    assert!(error.contains("-32501") && error.contains("AA31"), "{error}");

    let mut odd = op.clone();
    odd.paymaster_data = Some(bytes!("01"));
    let error = refused(&stage, &odd).await;
    assert!(error.contains("-32602") && error.contains("paymaster"), "{error}");

    let elsewhere = ("eth_sendUserOperation", json!([op, NOBODY]));
    let error = stage.node.try_all(&[elsewhere]).await.remove(0).unwrap_err();
    assert!(error.contains("-32602") && error.contains("EntryPoint"), "{error}");

    let failing = stage.operation(&owner, stage.reverter, reason(1));
    let estimate = ("eth_estimateUserOperationGas", json!([failing.await, ENTRY_POINT]));
    let error = stage.node.try_all(&[estimate]).await.remove(0).unwrap_err();
    assert!(error.contains("-32521") && error.contains("reverted"), "{error}");
    stage.devnet.shutdown().await;
}

#[tokio::test]
async fn a_call_that_reverts_is_mined_and_paid_for() {
    let stage = Stage::new().await;
    let owner = owner(4);
    let mut op = stage.operation(&owner, stage.counter, DATA).await;
    stage.estimate(&mut op).await;
    let failing = stage.operation(&owner, stage.reverter, reason(5)).await;
    op.call_data = failing.call_data;
    sign(&mut op, &owner, None);
    let hash = stage.send(&op).await.unwrap();
    let receipt = stage.node.call("eth_getUserOperationReceipt", json!([hash])).await;
    assert_eq!(receipt["success"], false);
    assert_eq!(receipt["reason"], json!(reason(5)));
    stage.devnet.shutdown().await;
}

#[tokio::test]
async fn by_hand_operations_wait_and_share_one_transaction() {
    let stage = Stage::new().await;
    stage.node.call("debug_bundler_setBundlingMode", json!(["manual"])).await;
    let mut hashes = Vec::new();
    for number in [5, 6] {
        let owner = owner(number);
        let mut op = stage.operation(&owner, stage.counter, DATA).await;
        stage.estimate(&mut op).await;
        sign(&mut op, &owner, None);
        hashes.push(stage.send(&op).await.unwrap());
        let error = stage.send(&op).await.unwrap_err();
        assert!(error.contains("already known"), "{error}");
        op.max_fee_per_gas += U128::ONE;
        sign(&mut op, &owner, None);
        let error = stage.send(&op).await.unwrap_err();
        assert!(error.contains("underpriced"), "{error}");
    }
    let waiting = stage.node.call("debug_bundler_dumpMempool", json!([ENTRY_POINT])).await;
    assert_eq!(waiting.as_array().unwrap().len(), 2);
    let found = stage.node.call("eth_getUserOperationByHash", json!([hashes[0]])).await;
    assert_eq!((&found["blockHash"], &found["transactionHash"]), (&json!(null), &json!(null)));
    let none = stage.node.call("eth_getUserOperationReceipt", json!([hashes[0]])).await;
    assert_eq!(none, json!(null));

    let tx = stage.node.call("debug_bundler_sendBundleNow", json!([])).await;
    for hash in hashes {
        let receipt = stage.node.call("eth_getUserOperationReceipt", json!([hash])).await;
        assert_eq!(receipt["receipt"]["transactionHash"], tx);
        assert_eq!(receipt["logs"].as_array().unwrap().len(), 1, "{receipt:#}");
    }
    let waiting = stage.node.call("debug_bundler_dumpMempool", json!([ENTRY_POINT])).await;
    assert_eq!(waiting, json!([]));
    assert_eq!(stage.node.call("debug_bundler_sendBundleNow", json!([])).await, json!(null));

    let owner = owner(7);
    let mut op = stage.operation(&owner, stage.counter, DATA).await;
    stage.estimate(&mut op).await;
    sign(&mut op, &owner, None);
    stage.send(&op).await.unwrap();
    stage.node.call("debug_bundler_clearState", json!([])).await;
    assert_eq!(stage.node.call("debug_bundler_sendBundleNow", json!([])).await, json!(null));
    stage.devnet.shutdown().await;
}

#[tokio::test]
async fn a_plain_account_delegates_with_its_first_operation() {
    let stage = Stage::new().await;
    let code = [&artifact("Simple7702Account")[..], &ENTRY_POINT.abi_encode()].concat();
    let implementation = deploy(&stage.client, code.into()).await;
    let owner = owner(8);
    let mut op = stage.operation(&owner, stage.counter, DATA).await;
    op.sender = owner.address();
    (op.factory, op.factory_data) = (Some(bytes!("7702")), None);
    let value = U256::from(10).pow(U256::from(18));
    send(&stage.client, TransactionRequest::default().to(op.sender).value(value)).await;
    let auth = Authorization { chain_id: U256::from(412_346), address: implementation, nonce: 0 };
    let signature = owner.sign_hash_sync(&auth.signature_hash()).unwrap();
    op.eip7702_auth = Some(auth.into_signed(signature));

    stage.estimate(&mut op).await;
    sign(&mut op, &owner, Some(implementation));
    let hash = stage.send(&op).await.unwrap();
    let receipt = stage.node.call("eth_getUserOperationReceipt", json!([hash])).await;
    assert_eq!(receipt["success"], true, "{receipt:#}");
    assert_eq!(receipt["receipt"]["type"], "0x4");
    let code = stage.node.call("eth_getCode", json!([op.sender, "latest"])).await;
    assert_eq!(code, json!(Bytes::from([&[0xef, 1, 0][..], implementation.as_slice()].concat())));
    stage.devnet.shutdown().await;
}

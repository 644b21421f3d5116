//! alto, a bundler of its own, in safe mode: it traces every validation with a script.

use crate::process::{Server, client, repository};
use crate::rpc::Node;
use crate::smart::{Stage, deploy, init_code, send};
use alloy::primitives::{Address, B256, Bytes, U256, address, hex};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use devnet::genesis::DETERMINISTIC_DEPLOYER;
use serde_json::{Value, json};
use tokio::process::Command;

/// EntryPoint v0.6: with later ones, alto 0.0.20 cannot read the answer of its own simulation in
/// safe mode, because the interface it reads it by names no errors.
const ENTRY_POINT: Address = address!("5FF137D4b0FDCD49DcA30c7CF57E578a026d2789");
/// Accepts every operation; any other call adds 1 to slot 0.
const ACCOUNT: &str = "60003560e01c633a871cdd146018576000546001016000555b60206000f3";
/// The same, but looks at the time first.
const CLOCK_WATCHER: &str = "425060003560e01c633a871cdd14601a576000546001016000555b60206000f3";

sol! {
    function depositTo(address account) external payable;
}

/// Starts alto for a chain, on a port that was free a moment ago.
async fn start(stage: &Stage) -> (Server, Node) {
    client("@pimlico/alto");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    drop(socket);
    let key = |index: usize| stage.devnet.accounts()[index].private_key.to_string();
    let mut alto = Command::new("node");
    alto.arg(repository("test-fixtures/clients/scripts/alto.mjs"))
        .args(["run", "--safe-mode", "true", "--port", &port])
        .args(["--entrypoints", &ENTRY_POINT.to_string()])
        .args(["--rpc-url", &stage.devnet.rpc_url()])
        .args(["--executor-private-keys", &key(3), "--utility-private-key", &key(4)])
        .args(["--min-executor-balance", "0", "--block-time", "100", "--log-level", "info"]);
    let server = Server::start(&mut alto, "Server listening").await;
    (server, Node::new(&format!("http://127.0.0.1:{port}/rpc")))
}

async fn account(stage: &Stage, code: &str) -> Address {
    let account = deploy(&stage.client, init_code(code)).await;
    let input = Bytes::from(depositToCall { account }.abi_encode());
    let request = TransactionRequest::default().to(ENTRY_POINT).input(input.into());
    send(&stage.client, request.value(U256::from(10).pow(U256::from(18)))).await;
    account
}

fn operation(sender: Address) -> Value {
    let op = json!({
        "sender": sender,
        "nonce": "0x0",
        "initCode": "0x",
        "callData": "0x12345678",
        "callGasLimit": "0x186a0",
        "verificationGasLimit": "0x30d40",
        "preVerificationGas": "0x186a0",
        "maxFeePerGas": "0x3b9aca00",
        "maxPriorityFeePerGas": "0x3b9aca00",
        "paymasterAndData": "0x",
        "signature": "0x01",
    });
    json!([op, ENTRY_POINT])
}

#[tokio::test]
async fn alto_bundles_in_safe_mode_and_refuses_what_breaks_a_rule() {
    let stage = Stage::new().await;
    let artifact = client("@account-abstraction/contracts-v0.6/artifacts/EntryPoint.json");
    let artifact: Value = serde_json::from_slice(&std::fs::read(artifact).unwrap()).unwrap();
    let code = hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap();
    let input = Bytes::from([B256::ZERO.as_slice(), &code].concat());
    let request = TransactionRequest::default().to(DETERMINISTIC_DEPLOYER).input(input.into());
    send(&stage.client, request).await;
    let good = account(&stage, ACCOUNT).await;
    let bad = account(&stage, CLOCK_WATCHER).await;
    let (_alto, alto) = start(&stage).await;

    let refused = alto.try_all(&[("eth_sendUserOperation", operation(bad))]).await.remove(0);
    let error = refused.unwrap_err();
    assert!(error.contains("-32502") && error.contains("TIMESTAMP"), "{error}");

    let hash = alto.call("eth_sendUserOperation", operation(good)).await;
    let receipt = crate::process::within(async {
        loop {
            let receipt = alto.call("eth_getUserOperationReceipt", json!([hash])).await;
            if !receipt.is_null() {
                return receipt;
            }
            tokio::task::yield_now().await;
        }
    });
    let receipt = receipt.await;
    assert_eq!(receipt["success"], true, "{receipt:#}");
    let slot = stage.node.call("eth_getStorageAt", json!([good, "0x0", "latest"])).await;
    assert_eq!(slot, json!(B256::with_last_byte(1)));
    let slot = stage.node.call("eth_getStorageAt", json!([bad, "0x0", "latest"])).await;
    assert_eq!(slot, json!(B256::ZERO));
    stage.devnet.shutdown().await;
}

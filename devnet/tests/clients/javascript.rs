//! ethers and viem: deploy, call, logs, subscriptions, fees, and a transaction of each type.

use crate::process::{repository, run};
use crate::smart::{Stage, artifact, deploy};
use crate::solidity::compile;
use alloy::primitives::Bytes;
use alloy::sol_types::SolValue;
use devnet::genesis::ENTRY_POINT;
use devnet::{Config, Devnet};
use serde_json::{Value, json};
use tokio::process::Command;

/// The second dev account.
const OTHER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// What one of the scripts prints.
async fn script(name: &str, arguments: &[&str]) -> Value {
    let script = repository("test-fixtures/clients/scripts").join(name);
    crate::process::client("ethers");
    let mut node = Command::new("node");
    serde_json::from_str(&run(node.arg(script).args(arguments), &[]).await).unwrap()
}

async fn uses_everything(name: &str, types: Value) {
    let devnet = Devnet::spawn(Config::default()).await.unwrap();
    let code = compile("Token.sol", "Token").await.to_string();
    let found = script(name, &[&devnet.rpc_url(), &devnet.ws_url(), &code]).await;
    let token = found["token"].as_str().unwrap().to_lowercase();
    let delegated = format!("0xef0100{}", &token[2..]);
    let want = json!({
        "transferred": "7",
        "watched": [[OTHER, "7"]],
        "events": 1,
        "revert": { "name": "Short", "have": "7", "want": "8" },
        "history": 3,
        "types": types,
        "delegated": delegated,
        "token": found["token"],
    });
    assert_eq!(found, want);
    devnet.shutdown().await;
}

#[tokio::test]
async fn ethers_uses_everything() {
    uses_everything("ethers.mjs", json!([[0, 1], [1, 1], [2, 1], [4, 1]])).await;
}

#[tokio::test]
async fn viem_uses_everything() {
    let names = ["legacy", "eip2930", "eip1559", "eip7702"];
    uses_everything("viem.mjs", json!(names.map(|name| [name, "success"]))).await;
}

#[tokio::test]
async fn viem_sends_operations_to_the_nodes_bundler() {
    let stage = Stage::new().await;
    let code = [&artifact("Simple7702Account")[..], &ENTRY_POINT.abi_encode()].concat();
    let implementation = deploy(&stage.client, code.into()).await;
    let url = stage.devnet.rpc_url();
    let found = script("operations.mjs", &[&url, &url, &implementation.to_string()]).await;
    let want = json!({
        "outcomes": [[true, true, true], [true, true, true]],
        "entryPoints": [ENTRY_POINT.to_string().to_lowercase()],
        "balance": "3",
        "code": Bytes::from([&[0xef, 1, 0][..], implementation.as_slice()].concat()),
    });
    assert_eq!(found, want);
    stage.devnet.shutdown().await;
}

//! `cast` and viem against the chain, when the npm packages are installed.

use crate::support::{chain, node_modules};
use devnet::Devnet;
use std::path::Path;
use std::process::Output;

async fn run(program: &Path, arguments: &[&str]) -> Output {
    let output = tokio::process::Command::new(program).args(arguments).kill_on_drop(true).output();
    let output = crate::support::within(output).await.unwrap();
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

async fn cast(node: &Devnet, arguments: &[&str]) -> Option<String> {
    let program = node_modules()?.join(".bin/cast");
    let url = node.rpc_url();
    let mut all = vec![arguments[0], "--rpc-url", &url];
    all.extend(&arguments[1..]);
    Some(String::from_utf8(run(&program, &all).await.stdout).unwrap().trim().to_owned())
}

#[tokio::test]
async fn cast_sends_calls_and_reads() {
    let node = chain().await;
    let Some(chain_id) = cast(&node, &["chain-id"]).await else { return };
    assert_eq!(chain_id, "412346");
    let key = node.accounts()[0].private_key.to_string();
    let to = node.accounts()[1].address.to_string();
    let send = ["send", &to, "--value", "1ether", "--private-key", &key, "--json"];
    let receipt: serde_json::Value =
        serde_json::from_str(&cast(&node, &send).await.unwrap()).unwrap();
    assert_eq!((&receipt["status"], &receipt["gasUsed"]), (&"0x1".into(), &"0x5208".into()));
    let balance = cast(&node, &["balance", &to, "--ether"]).await.unwrap();
    assert!(balance.starts_with("10001"), "{balance}");

    let init = alloy::primitives::hex::encode_prefixed(crate::support::init_code(
        &crate::support::COUNTER,
    ));
    let deploy = ["send", "--private-key", &key, "--json", "--create", &init];
    let receipt: serde_json::Value =
        serde_json::from_str(&cast(&node, &deploy).await.unwrap()).unwrap();
    let contract = receipt["contractAddress"].as_str().unwrap().to_owned();
    cast(&node, &["send", &contract, "0x01", "--private-key", &key]).await.unwrap();
    let slot = cast(&node, &["storage", &contract, "0"]).await.unwrap();
    assert!(slot.ends_with("01"), "{slot}");
    let logs = cast(&node, &["logs", "--from-block", "0", "--json"]).await.unwrap();
    assert!(logs.contains(&contract.to_lowercase()), "{logs}");
    let block = cast(&node, &["block", "latest", "--json"]).await.unwrap();
    assert!(block.contains("sendRoot"), "{block}");
    cast(&node, &["rpc", "anvil_mine", "0x2"]).await.unwrap();
    assert_eq!(cast(&node, &["block-number"]).await.unwrap(), "5");
    let trace = cast(&node, &["nonce", &node.accounts()[0].address.to_string()]).await.unwrap();
    assert_eq!(trace, "3");
    node.shutdown().await;
}

#[tokio::test]
async fn viem_sends_watches_and_decodes_errors() {
    let node = chain().await;
    let Some(modules) = node_modules() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rpc_suite/viem.cjs");
    let script = script.to_str().unwrap();
    let (modules, http, ws) = (modules.to_str().unwrap(), node.rpc_url(), node.ws_url());
    let counter = crate::support::init_code(&crate::support::COUNTER).to_string();
    let reverter = crate::support::init_code(&crate::support::REVERTER).to_string();
    let arguments = [script, modules, &http, &ws, &counter, &reverter];
    let output = run(Path::new("node"), &arguments).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "success");
    assert_eq!(report["type"], "eip1559");
    assert_eq!(report["slot"], format!("0x{:064x}", 1));
    assert_eq!(report["watchedLogs"], 1);
    assert_eq!(report["watchedBlock"], report["blockNumber"]);
    assert_eq!(report["revertReason"], "too late");
    assert_eq!(report["balanceAfterTestAction"], "7");
    assert_eq!(report["delegated"], true);
    node.shutdown().await;
}

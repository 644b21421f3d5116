//! `nexus contracts` against a chain that has nothing of ours yet.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::process::Output;

use devnet::Devnet;
use serde_json::Value;
use support::{nexus, root, run, text};

/// Runs the binary inside the checkout, while the chain of this process goes on.
async fn at(rpc_url: &str, arguments: &[&str]) -> Output {
    let mut command = nexus();
    command.current_dir(root()).args(["--json", "--rpc-url", rpc_url]).args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_checked_deployed_and_used() {
    let chain = Devnet::spawn(devnet::Config::default()).await.unwrap();
    let url = chain.rpc_url();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();

    let built = document(&at(&url, &["contracts", "build"]).await);
    for program in built["programs"].as_array().unwrap() {
        assert!(program["code"].as_u64().unwrap() <= built["limit"].as_u64().unwrap());
    }
    let checked = document(&at(&url, &["contracts", "check"]).await);
    for program in checked.as_array().unwrap() {
        assert_eq!(program["active"], false, "{program}");
        assert_eq!(program["stylusVersion"], 2, "{program}");
        assert!(program["dataFee"].as_str().unwrap().parse::<u128>().unwrap() > 0, "{program}");
    }

    let key = chain.accounts()[5].private_key.to_string();
    std::fs::write(file("key"), key).unwrap();
    let deployment = file("deployment.json");
    let arguments =
        ["contracts", "deploy", "--private-key-file", &file("key"), "--output", &deployment];
    let deployed = document(&at(&url, &arguments).await);
    let saved: Value = serde_json::from_slice(&std::fs::read(&deployment).unwrap()).unwrap();
    assert_eq!(saved, deployed);
    let again = document(&at(&url, &arguments).await);
    assert_eq!(again, deployed, "what stands is used as it is");

    let listed = document(&at(&url, &["--deployment", &deployment, "agent", "list"]).await);
    assert_eq!(listed, serde_json::json!([]));
    let checked = document(&at(&url, &["contracts", "check"]).await);
    assert!(checked.as_array().unwrap().iter().all(|program| program["active"] == true));

    let other = Devnet::spawn(devnet::Config { chain_id: 7, ..devnet::Config::default() }).await;
    let other = other.unwrap();
    let wrong = at(&other.rpc_url(), &["--deployment", &deployment, "agent", "list"]).await;
    assert_eq!(wrong.status.code(), Some(5));
    assert!(text(&wrong.stderr).contains("is chain 7"), "{}", text(&wrong.stderr));
    other.shutdown().await;
    chain.shutdown().await;
}

#[test]
fn the_printed_abis_are_the_exported_ones() {
    for (name, contract) in
        [("registry", "AgentRegistry"), ("account", "AgentAccount"), ("factory", "AccountFactory")]
    {
        let printed = run(&["contracts", "export-abi", name]).stdout;
        let path = root().join("bindings/abi").join(contract).with_extension("json");
        assert_eq!(printed, std::fs::read(path).unwrap(), "{name}");
    }
}

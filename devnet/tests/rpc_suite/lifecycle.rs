//! Starting and stopping.

use crate::binary::{fails, start, text};
use crate::support::{chain, client, within};
use alloy::providers::Provider;
use devnet::{Config, Devnet, Error};

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let first = chain().await;
    let port = first.address().port();
    let error = Devnet::spawn(Config { port, ..Config::default() }).await.unwrap_err();
    assert!(matches!(error, Error::Listen { .. }));
    let message = error.to_string();
    assert!(message.contains(&format!("127.0.0.1:{port}")), "{message}");
    assert!(message.contains("choose another port"), "{message}");
    first.shutdown().await;
}

#[tokio::test]
async fn after_a_shutdown_the_port_is_free_and_subscriptions_end() {
    let node = chain().await;
    let port = node.address().port();
    let ws = crate::support::ws_client(&node).await;
    let heads = ws.subscribe_blocks().await.unwrap();
    within(node.shutdown()).await;
    drop(heads);
    let again = Devnet::spawn(Config { port, ..Config::default() }).await.unwrap();
    assert_eq!(client(&again).get_block_number().await.unwrap(), 0);
    within(again.shutdown()).await;
}

#[tokio::test]
async fn dropping_a_chain_stops_it() {
    let node = chain().await;
    let port = node.address().port();
    let handle = node.handle().clone();
    drop(node);
    within(async {
        // Fails with "in use" until the server has let the port go.
        while Devnet::spawn(Config { port, ..Config::default() }).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(handle);
}

#[tokio::test]
async fn settings_without_meaning_are_refused() {
    let error = Devnet::spawn(Config { arbos: 29, ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().contains("arbos = 29"), "{error}");
    let mnemonic = "not a mnemonic".to_owned();
    let error = Devnet::spawn(Config { mnemonic, ..Config::default() }).await.unwrap_err();
    assert!(matches!(error, Error::Accounts(_)), "{error}");
}

#[tokio::test]
async fn the_binary_describes_itself_in_json_and_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devnet.json");
    let args = ["--config-out", text(&path), "--chain-id", "7", "--accounts", "2", "--arbos", "60"];
    let node = start(&args).await;
    assert_eq!((&node.started["chainId"], &node.started["arbos"]), (&7.into(), &60.into()));
    assert_eq!(node.started["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(node.rpc("eth_chainId", serde_json::json!([])).await, "0x7");
    for contract in node.started["contracts"].as_array().unwrap() {
        let code = serde_json::json!([contract["address"], "latest"]);
        assert_ne!(node.rpc("eth_getCode", code).await, "0x", "{contract}");
    }
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(file, node.started);
    assert_eq!(node.signal("TERM").await.code, Some(0));
}

#[tokio::test]
async fn the_binary_says_what_is_wrong_with_its_options() {
    let taken = chain().await;
    let port = taken.address().port().to_string();
    for (args, code, message) in [
        (["--arbos", "42"], 2, "possible values: 32, 40, 51, 60"),
        (["--block-time", "0"], 1, "--block-time 0: must be above 0"),
        (["--mnemonic", "not a mnemonic"], 1, "dev accounts cannot be derived"),
        (["--allow-origin", "localhost"], 1, "must look like http://localhost:3000"),
        (["--config-out", "/does/not/exist"], 1, "--config-out /does/not/exist"),
        (["--host", "nowhere"], 2, "--host"),
    ] {
        let ended = fails(&args).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.errors.contains(message), "{ended:?}");
    }
    let ended = fails(&["--port", &port]).await;
    assert!(ended.errors.contains("choose another port"), "{ended:?}");
    taken.shutdown().await;
}

#[tokio::test]
async fn compiled_programs_are_kept_on_disk_and_no_harm_comes_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("programs");
    let node = start(&["--cache-dir", text(&path)]).await;
    assert!(path.is_dir());
    assert_eq!(node.signal("TERM").await.errors, "");
    // A folder that cannot be made is a warning.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let node = start(&["--cache-dir", text(&file.join("programs"))]).await;
    assert_eq!(node.rpc("eth_blockNumber", serde_json::json!([])).await, "0x0");
    let ended = node.signal("TERM").await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.errors.contains("compiled programs are not kept"), "{ended:?}");
}

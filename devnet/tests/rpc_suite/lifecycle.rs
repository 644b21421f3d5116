//! Starting and stopping.

use crate::binary::{fails, start, text};
use crate::support::{chain, client, within};
use alloy::providers::Provider;
use devnet::{Config, Devnet, Error};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
    // On an address of its own, so that no other test takes the port meanwhile.
    let host = [127, 0, 0, 77].into();
    let node = Devnet::spawn(Config { host, ..Config::default() }).await.unwrap();
    let port = node.address().port();
    let ws = crate::support::ws_client(&node).await;
    let heads = ws.subscribe_blocks().await.unwrap();
    within(node.shutdown()).await;
    drop(heads);
    let again = Devnet::spawn(Config { host, port, ..Config::default() }).await.unwrap();
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

/// Puts a program on the chain and calls it.
async fn run_echo(node: &crate::binary::Binary) {
    let echo = "0x00000000000000000000000000000000000000ee";
    node.rpc("anvil_setCode", json!([echo, crate::stylus::program()])).await;
    let call = json!([{ "to": echo, "input": "0xc0ffee" }, "latest"]);
    assert_eq!(node.rpc("eth_call", call).await, "0xc0ffee");
}

/// The files below a folder that hold compiled programs.
fn programs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(programs(&path));
        } else if path.extension().is_none() {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn compiled_programs_are_kept_on_disk_and_no_harm_comes_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("programs");
    let args = ["--auto-activate", "--cache-dir", text(&path)];
    let node = start(&args).await;
    run_echo(&node).await;
    assert_eq!(node.signal("TERM").await.errors, "");
    let kept = programs(&path);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let whole = std::fs::read(&kept[0]).unwrap();

    // Whole, damaged and cut files: the program runs in any case.
    for bytes in [whole.clone(), b"nonsense".to_vec(), whole[..whole.len() / 2].to_vec()] {
        std::fs::write(&kept[0], bytes).unwrap();
        let node = start(&args).await;
        run_echo(&node).await;
        assert_eq!(node.signal("TERM").await.code, Some(0));
        assert_eq!(std::fs::read(&kept[0]).unwrap().len(), whole.len());
    }

    let node = start(&["--auto-activate", "--no-disk-cache"]).await;
    run_echo(&node).await;
    node.signal("TERM").await;
    // A folder that cannot be made, or that others may write to, is a warning.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    for refused in [&file.join("programs"), &shared] {
        let node = start(&["--auto-activate", "--cache-dir", text(refused)]).await;
        run_echo(&node).await;
        let ended = node.signal("TERM").await;
        assert_eq!(ended.code, Some(0));
        assert!(ended.errors.contains("compiled programs are not kept"), "{ended:?}");
    }
    assert!(programs(&shared).is_empty());
}

//! Starting and stopping.

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

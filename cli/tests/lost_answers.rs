//! A node whose answers get lost: what was bought is bought once, and is found again.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

#[path = "support/faults.rs"]
mod faults;
#[path = "support/market.rs"]
mod market;
mod support;

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use alloy::providers::Provider;
use cli::{
    chain,
    outgoing::{Ended, Outgoing, Patience, Proof, await_receipt},
    output::Output,
};
use faults::Fault;
use market::{Market, document, error};
use serde_json::json;
use support::text;

const SENDING: &str = "eth_sendRawTransaction";
/// More often than any command asks.
const ALWAYS: u32 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_whose_answer_is_lost_is_made_exactly_once() {
    let market = Market::open().await;
    let faults = [
        Fault::DroppedAnswer,
        Fault::DroppedRequest,
        Fault::Html,
        Fault::Truncated,
        Fault::Result(json!(null)),
        Fault::TooMany(None),
        Fault::TooMany(Some(1)),
        Fault::Result(json!(alloy::primitives::B256::repeat_byte(9))),
        Fault::Error(-32000, "nonce too low"),
    ];
    for (made, fault) in faults.into_iter().enumerate() {
        market.proxy.reset();
        market.proxy.break_next(SENDING, fault.clone(), 1);
        let bought = document(&market.buy().await);
        assert_eq!(bought["purchaseId"], made + 1, "{fault:?}");
        assert_eq!(market.purchases().await, made as u64 + 1, "{fault:?}");
        assert_eq!(market.kept(), [""; 0], "{fault:?}: it is mined, nothing has to be kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_refuses_means_that_nothing_was_paid() {
    let market = Market::open().await;
    market.proxy.break_next(SENDING, Fault::Error(-32000, "this sender is banned"), ALWAYS);
    let output = market.buy().await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let message = error(&output)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("this sender is banned"), "{message}");
    assert_eq!(market.purchases().await, 0);
    assert_eq!(market.kept(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_transactions_are_sent_once_as_well() {
    let market = Market::open().await;
    market.proxy.break_next(SENDING, Fault::DroppedAnswer, 1);
    let key = market.path("publisher").display().to_string();
    let unlisted =
        document(&market.nexus(&["agent", "unlist", "1", "--private-key-file", &key]).await);
    assert_eq!(unlisted["agentId"], "1");

    market.proxy.reset();
    market.proxy.break_next(SENDING, Fault::DroppedAnswer, 1);
    let owner = alloy::primitives::Address::repeat_byte(7).to_string();
    let deploy = ["contracts", "deploy", "--owner", &owner, "--private-key-file", &key];
    let deployed = document(&market.nexus(&deploy).await);
    assert_eq!(deployed["chainId"], market.deployment.chain_id);
    assert_ne!(deployed["registry"], serde_json::json!(market.deployment.registry));
    assert_eq!(market.kept(), [""; 0]);
}

/// Buys, and kills the command once the node has been sent the transaction.
async fn buy_and_die(market: &Market) -> String {
    for method in ["eth_getTransactionReceipt", "eth_getTransactionByHash"] {
        market.proxy.break_after_sending(method, Fault::DroppedRequest, ALWAYS);
    }
    let arguments = market.purchase();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = market.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // It goes on because it cannot know how the sending ended.
    while market.proxy.count("eth_getTransactionReceipt") == 0 {
        assert!(Instant::now() < deadline, "nothing was sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    market.proxy.reset();
    let kept = market.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_purchase_is_resumed_by_its_hash() {
    let market = Market::open().await;
    market.proxy.break_next(SENDING, Fault::DroppedAnswer, ALWAYS);
    let hash = buy_and_die(&market).await;
    for _ in 0..2 {
        let bought = document(&market.nexus(&["buy", "--resume", &hash]).await);
        assert_eq!(bought["purchaseId"], 1);
        assert_eq!(bought["transaction"], hash);
    }
    assert_eq!(market.purchases().await, 1);
    let other = market.nexus(&["buy", "2", "--resume", &hash]).await;
    assert_eq!(other.status.code(), Some(3), "{}", text(&other.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_never_arrived_is_sent_again_with_the_same_bytes() {
    let market = Market::open().await;
    market.proxy.break_next(SENDING, Fault::DroppedRequest, ALWAYS);
    let hash = buy_and_die(&market).await;
    assert_eq!(market.purchases().await, 0);
    let bought = document(&market.nexus(&["buy", "--resume", &hash]).await);
    assert_eq!(bought["transaction"], hash);
    assert_eq!(market.purchases().await, 1);
}

/// Needs few looks and neither time nor blocks.
const HASTY: Patience = Patience {
    allowed: Duration::from_secs(4),
    closely_after: Duration::ZERO,
    close_look: Duration::from_millis(20),
    proof: Proof { looks: 2, time: Duration::ZERO, blocks: 0 },
};

async fn end_of(provider: &impl Provider, signed: &Outgoing, patience: Patience) -> Ended {
    let out = Output::new(false, true);
    await_receipt(provider, signed.transaction, Some(signed), out, patience).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mined_purchase_that_the_node_does_not_find_yet_is_not_dropped() {
    let market = Market::open().await;
    let hash = buy_and_die(&market).await;
    assert_eq!(market.purchases().await, 1);
    let provider = chain::connect(&market.proxy.url(), None).await.unwrap();
    let signed = market.signed(&hash);
    // The node has the block's state, and does not find its transactions by their hashes.
    let hide = || {
        for method in ["eth_getTransactionReceipt", "eth_getTransactionByHash"] {
            market.proxy.break_next(method, Fault::Result(json!(null)), ALWAYS);
        }
    };
    hide();
    let ended = end_of(&provider, &signed, HASTY).await;
    let Ended::Open(reason) = &ended else { panic!("{ended:?}") };
    assert!(reason.contains("purchase 1 is its"), "{reason}");

    let logs = [
        Fault::Error(-32000, "no logs today"),
        Fault::DroppedAnswer,
        Fault::Error(-32602, "block range is too large"),
    ];
    for fault in logs {
        market.proxy.reset();
        hide();
        market.proxy.break_next("eth_getLogs", fault.clone(), ALWAYS);
        let ended = end_of(&provider, &signed, HASTY).await;
        assert!(matches!(ended, Ended::Open(_)), "{fault:?}: {ended:?}");
    }
    // A node that answers without the log once is asked again.
    market.proxy.reset();
    hide();
    market.proxy.break_next("eth_getLogs", Fault::Result(json!([])), 1);
    let ended = end_of(&provider, &signed, HASTY).await;
    assert!(matches!(ended, Ended::Open(_)), "{ended:?}");

    market.proxy.reset();
    let bought = document(&market.nexus(&["buy", "--resume", &hash]).await);
    assert_eq!(bought["purchaseId"], 1);
    assert_eq!(market.purchases().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_does_not_show_the_key_in_the_url() {
    let market = Market::open().await;
    let url = format!("{}/v2/SECRETKEY", market.proxy.url());
    for (made, fault) in (1u64..).zip([Fault::DroppedAnswer, Fault::Html, Fault::Truncated]) {
        market.proxy.reset();
        market.proxy.break_next(SENDING, fault.clone(), 1);
        let arguments = market.purchase();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = market.command_at(&url, &arguments);
        command.env("NEXUS_LOG", "trace");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let shown = text(&output.stderr) + &text(&output.stdout);
        assert!(shown.contains("looking it up"), "{fault:?}: {shown}");
        assert!(!shown.contains("SECRETKEY"), "{fault:?}: {shown}");
        assert_eq!(market.purchases().await, made, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_told_and_paid_nothing() {
    let market = Market::open().await;
    market.proxy.break_next(SENDING, Fault::DroppedRequest, ALWAYS);
    let hash = buy_and_die(&market).await;
    // Another transaction takes the nonce.
    let key = market.path("buyer").display().to_string();
    let input = market.write("other.txt", b"Another text.");
    let other = ["buy", "1", "--input", &input, "--private-key-file", &key];
    let other = document(&market.nexus(&other).await);
    assert_ne!(other["transaction"], hash);
    let provider = chain::connect(&market.proxy.url(), None).await.unwrap();
    let signed = market.signed(&hash);
    let hasty = end_of(&provider, &signed, HASTY).await;
    assert!(matches!(hasty, Ended::Dropped), "{hasty:?}");
    let patience = Patience { proof: Proof::default(), ..HASTY };
    let still_open = end_of(&provider, &signed, patience).await;
    assert!(matches!(still_open, Ended::Open(_)), "neither time nor blocks: {still_open:?}");

    let output = market.nexus_while_mining(&["buy", "--resume", &hash]).await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let told = error(&output);
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("nothing was paid by it"), "{message}");
    assert_eq!(told["error"]["transaction"], hash);
    assert_eq!(market.purchases().await, 1, "the other one");

    let unknown = alloy::primitives::B256::repeat_byte(5).to_string();
    let output = market.nexus(&["buy", "--resume", &unknown]).await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("does not know transaction"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_not_seen_mined_has_its_own_exit_code() {
    let market = Market::open().await;
    market.call("evm_setAutomine", json!([false])).await;
    // The node takes it, and is never heard of again.
    for method in ["eth_getTransactionReceipt", "eth_getTransactionByHash", SENDING] {
        market.proxy.break_next(method, Fault::DroppedAnswer, ALWAYS);
    }
    let output = market.buy().await;
    let told = error(&output);
    assert_eq!(output.status.code(), Some(9), "{told}");
    assert_eq!(told["error"]["kind"], "unconfirmed");
    let hash = told["error"]["transaction"].as_str().unwrap().to_owned();
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("nexus buy --resume {hash}")), "{message}");
    assert_eq!(market.kept(), std::slice::from_ref(&hash));

    market.proxy.reset();
    market.call("evm_mine", json!([])).await;
    let bought = document(&market.nexus(&["buy", "--resume", &hash]).await);
    assert_eq!(bought["purchaseId"], 1);
    assert_eq!(market.purchases().await, 1);
}

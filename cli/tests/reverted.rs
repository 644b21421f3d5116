//! A test of a dApp takes blocks back and buys again: the number stays, the order is another.
//! Needs Docker, the sibling binaries, the contracts' build and the fixture agents.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Network, fixture, root, text};

fn cast(network: &Network, arguments: &[&str]) -> String {
    let output = Command::new(root().join("scripts/node/node_modules/.bin/cast"))
        .args(["rpc", "--rpc-url", &network.ready.rpc_url])
        .args(arguments)
        .output()
        .expect("cast is missing: run scripts/setup");
    assert!(output.status.success(), "cast {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).trim().trim_matches('"').to_owned()
}

fn buy(network: &Network, agent: &str, name: &str, content: &str) -> Value {
    let input = network.write(name, content.as_bytes());
    let arguments = ["buy", agent, "--input", &input, "--watch", "--account", "dev:buyer"];
    network.json(&arguments)
}

#[test]
fn a_purchase_that_takes_the_number_of_a_reverted_one_is_run_and_shown_as_its_own() {
    let network = Network::start();
    let (folder, program) = fixture("summarize");
    let arguments = ["agent", "publish", &folder, "--program", &program, "--price", "0.01"];
    let published = network.json(&[&arguments[..], &["--account", "dev:publisher"]].concat());
    let agent = published["agentId"].as_str().unwrap();
    let mut snapshot = cast(&network, &["evm_snapshot"]);
    let mut receipts = Vec::new();
    for round in 0..3 {
        let text = format!("Round {round} begins here. Round {round} has a text of its own.");
        let finished = buy(&network, agent, "input.txt", &text);
        assert_eq!(finished["purchase"]["purchaseId"], 1, "{finished}");
        assert_eq!(finished["purchase"]["status"], "settledOk");
        let result = finished["result"].as_str().unwrap();
        assert!(
            result.contains(&format!("Round {round}")),
            "the result of another order: {result}"
        );
        receipts.push(finished["settlement"]["receiptHash"].clone());
        let verified = network.json(&["receipt", "verify", "1"]);
        assert_eq!(verified["verified"], true);
        assert_eq!(cast(&network, &["evm_revert", &snapshot]), "true");
        snapshot = cast(&network, &["evm_snapshot"]);
    }
    receipts.dedup();
    assert_eq!(receipts.len(), 3, "each order has a receipt of its own");
}

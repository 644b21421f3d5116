//! A keeper that hands out results only once their settlement is final.
//! Needs Docker, the sibling binaries, the contracts' build and the fixture agents.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use alloy::providers::Provider as _;
use serde_json::json;
use support::{Network, fixture, text};

const WAITS: &str = "hands out results only once their settlement is final";

#[tokio::test(flavor = "multi_thread")]
async fn a_result_after_finality_is_waited_for_and_can_be_fetched_later() {
    let environment = [
        ("NEXUS_KEEPER__API__RESULT_AFTER", "final"),
        ("NEXUS_KEEPER__CHAIN__FINALITY_BLOCKS", "8"),
    ];
    let network = Network::start_with(None, &environment);
    let (folder, program) = fixture("summarize");
    let publish = ["agent", "publish", &folder, "--program", &program, "--price", "0.01"];
    network.json(&[&publish[..], &["--account", "dev:publisher"]].concat());
    let input = network.write("input.txt", b"The keeper runs the agent. The agent is run.");

    // Nothing is mined after the settlement.
    let buy = ["buy", "1", "--input", &input, "--watch", "--timeout", "25"];
    let output = network.nexus(&[&buy[..], &["--account", "dev:buyer"]].concat());
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{told}");
    assert_eq!(told.matches(WAITS).count(), 1, "{told}");
    assert!(told.contains("`nexus job show 1 --watch`"), "{told}");

    let provider = cli::chain::connect(&network.ready.rpc_url, None).await.unwrap();
    let _: serde_json::Value =
        provider.raw_request("anvil_mine".into(), json!(["0x8"])).await.unwrap();
    let output = network.nexus(&["job", "show", "1", "--watch"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("The keeper runs the agent."));
    network.stop();
}

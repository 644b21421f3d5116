//! What a network leaves when it is killed, and following a purchase on a bad connection.
//! Needs Docker, the sibling binaries, the contracts' build and the fixture agents.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

#[path = "support/faults.rs"]
mod faults;
#[path = "support/relay.rs"]
mod relay;
mod support;

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use faults::{Fault, FaultProxy};
use relay::Relay;
use serde_json::Value;
use support::{Network, fixture, nexus, text, with_state};

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn label(network: &Network) -> String {
    format!("agentnexus.keeper={:x}", network.ready.contracts.keeper_account.unwrap())
}

fn containers(network: &Network) -> String {
    docker(&["ps", "-aq", "--filter", &format!("label={}", label(network))])
}

#[test]
fn a_killed_network_is_removed_by_the_next_and_a_living_one_is_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let start = || Network::start_in(Some(state.path().to_owned()));
    let (mut killed, living) = (start(), start());
    let (folder, program) = fixture("summarize");
    let built = killed.json(&["agent", "build", &folder, "--program", &program]);
    let image = built["image"].as_str().unwrap();
    // As a keeper that dies while its agent runs leaves one.
    for network in [&killed, &living] {
        docker(&["create", "--label", &label(network), image]);
    }
    killed.kill();
    assert!(killed.path("data").exists() && killed.path("ready.json").exists());

    let output = with_state(nexus(), Some(state.path()))
        .args(["--json", "dev", "--clean"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let removed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(removed.as_array().unwrap().len(), 1, "{removed}");
    assert_eq!(removed[0]["containers"], 1);
    assert_eq!(containers(&killed), "");
    assert!(!killed.path("data").exists() && !killed.path("ready.json").exists());

    assert_ne!(containers(&living), "", "it belongs to a living network");
    assert!(living.path("data").exists());
    assert_eq!(living.json(&["agent", "list"]), serde_json::json!([]));
    let (code, log) = living.stop();
    assert_eq!(code, Some(0), "{log}");
}

/// Publishes a fixture agent; gives its number.
fn publish(network: &Network, name: &str) -> String {
    let (folder, program) = fixture(name);
    let arguments = ["agent", "publish", &folder, "--program", &program, "--price", "0.01"];
    let arguments = [&arguments[..], &["--account", "dev:publisher"]].concat();
    network.json(&arguments)["agentId"].as_str().unwrap().to_owned()
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

const TEXT: &str = "The keeper runs the agent. The agent reads its input and writes a summary.";

#[tokio::test(flavor = "multi_thread")]
async fn following_goes_on_through_wrong_answers_with_one_warning() {
    let network = tokio::task::spawn_blocking(Network::start).await.unwrap();
    let agent = publish(&network, "summarize");
    let input = network.write("input.txt", TEXT.as_bytes());
    let proxy = FaultProxy::start(&network.ready.rpc_url).await;
    // More than the connection itself asks again.
    proxy.break_after_sending("eth_call", Fault::TooMany(None), 12);
    proxy.break_after_sending("eth_call", Fault::DroppedAnswer, 4);
    proxy.break_after_sending("eth_getLogs", Fault::Result(serde_json::json!([])), 1);
    let url = proxy.url();
    let output = run(network.command(&[
        "--rpc-url",
        &url,
        "buy",
        &agent,
        "--input",
        &input,
        "--watch",
        "--account",
        "dev:buyer",
    ]))
    .await;
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(!output.stdout.is_empty());
    assert_eq!(stderr.matches("trying again to follow purchase 1").count(), 1, "{stderr}");
    let list = network.json(&["job", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 1, "bought once");
    assert!(list[0]["keeperState"].is_string(), "{list}");
}

/// An input that does not fit the transaction.
fn large() -> String {
    format!("{TEXT} ").repeat(20_000 / TEXT.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_input_is_uploaded_again_after_a_hiccup() {
    let network = tokio::task::spawn_blocking(Network::start).await.unwrap();
    let agent = publish(&network, "summarize");
    let input = network.write("input.txt", large().as_bytes());
    let relay = Relay::start(&network.ready.api_url, 4).await;
    let url = relay.url();
    let output = run(network.command(&[
        "--api-url",
        &url,
        "buy",
        &agent,
        "--input",
        &input,
        "--watch",
        "--account",
        "dev:buyer",
    ]))
    .await;
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(relay.broken(), 4);
    assert_eq!(stderr.matches("is not uploaded yet").count(), 1, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_whose_input_never_got_through_is_resumed_with_it() {
    let network = tokio::task::spawn_blocking(Network::start).await.unwrap();
    let agent = publish(&network, "summarize");
    let input = network.write("input.txt", large().as_bytes());
    let relay = Relay::start(&network.ready.api_url, u32::MAX).await;
    let url = relay.url();
    let log = std::fs::File::create(network.path("buy.log")).unwrap();
    let mut child = network
        .command(&["--api-url", &url, "buy", &agent, "--input", &input, "--account", "dev:buyer"])
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while relay.broken() == 0 {
        assert!(Instant::now() < deadline, "nothing was uploaded");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let told = std::fs::read_to_string(network.path("buy.log")).unwrap();
    let hash = told.split("Sending transaction ").nth(1).unwrap().lines().next().unwrap();

    // What is missing is said exactly.
    let output = run(network.command(&["buy", "--resume", hash])).await;
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("nexus job upload 1 --input FILE"), "{stderr}");
    let other = network.write("other.txt", b"not what was bought with");
    let output = run(network.command(&["buy", "--resume", hash, "--input", &other])).await;
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));

    let output =
        run(network.command(&["buy", "--resume", hash, "--input", &input, "--watch"])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!output.stdout.is_empty());
    assert_eq!(network.json(&["job", "list"]).as_array().unwrap().len(), 1, "bought once");
}

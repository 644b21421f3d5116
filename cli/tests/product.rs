//! The whole product as a user drives it: `nexus dev` in one terminal, commands in another.
//! Needs Docker, the sibling binaries, the contracts' build and the fixture agents.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Network, fixture, root, text};

fn publish(network: &Network, name: &str, price: &str) -> String {
    let (folder, program) = fixture(name);
    let arguments = [
        "agent",
        "publish",
        &folder,
        "--program",
        &program,
        "--price",
        price,
        "--payee",
        &network.ready.account("payee").unwrap().address.to_string(),
        "--account",
        "dev:publisher",
    ];
    network.json(&arguments)["agentId"].as_str().unwrap().to_owned()
}

fn wei(network: &Network, account: &str) -> (u128, u128) {
    let balance = network.json(&["balance", "--account", account]);
    let number = |name: &str| balance[name].as_str().unwrap().parse().unwrap();
    (number("ether"), number("withdrawable"))
}

fn containers(network: &Network) -> String {
    let keeper = network.ready.contracts.keeper_account.unwrap();
    let filter = format!("label=agentnexus.keeper={keeper:x}");
    let output = Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output().unwrap();
    assert!(output.status.success(), "docker ps: {}", text(&output.stderr));
    text(&output.stdout)
}

const TEXT: &str = "The keeper runs the agent. The agent reads its input and writes a summary. \
    A summary keeps the central sentences of a text. The buyer pays for the run of the agent. \
    The registry holds the money until the run is settled. A settled run has a receipt. \
    The receipt says what ran, on which input, with which result.";

#[test]
fn a_run_is_bought_watched_verified_and_paid() {
    let network = Network::start();
    let agent = publish(&network, "summarize", "0.01");
    let input = network.write("input.txt", TEXT.as_bytes());
    let (_, earned_before) = wei(&network, "dev:payee");

    let bought =
        network.nexus(&["buy", &agent, "--input", &input, "--watch", "--account", "dev:buyer"]);
    assert!(bought.status.success(), "{}", text(&bought.stderr));
    let summary = text(&bought.stdout);
    assert!(!summary.trim().is_empty() && summary.len() < TEXT.len(), "{summary}");
    assert!(TEXT.contains(summary.lines().next().unwrap().trim()), "it quotes the text: {summary}");
    assert!(text(&bought.stderr).contains("job is running"), "{}", text(&bought.stderr));

    let result = network.write("result.txt", &bought.stdout);
    let verified =
        network.json(&["receipt", "verify", "1", "--input", &input, "--result", &result]);
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["onChain"], true);
    let receipt = network.json(&["receipt", "show", "1"]);
    let saved = network.write("receipt.json", receipt.to_string().as_bytes());
    let signer = verified["signer"].as_str().unwrap();
    let offline = ["receipt", "verify", &saved, "--offline", "--signer", signer];
    assert!(network.nexus(&offline).status.success());

    let job = network.json(&["job", "show", "1"]);
    assert_eq!(job["purchase"]["status"], "settledOk");
    assert_eq!(job["settlement"]["charge"], "10000000000000000");
    assert!(job["settlement"]["userOperation"].is_string());
    let (_, earned) = wei(&network, "dev:payee");
    let fees: u128 = ["keeperFee", "protocolFee"]
        .iter()
        .map(|name| job["settlement"][*name].as_str().unwrap().parse::<u128>().unwrap())
        .sum();
    assert_eq!(earned - earned_before, 10_000_000_000_000_000 - fees);
    assert!(fees > 0);

    json_documents_have_a_stable_shape(&network);
    cast_sees_an_ordinary_chain(&network);
    bad_inputs_move_no_money(&network, &agent);
    a_large_input_goes_to_the_keeper(&network, &agent);
    a_failing_run_is_refunded(&network);
    everything_is_gone_afterwards(network);
}

/// Field names and types of a document; lists by their first element.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), shape(field))).collect()
        }
    }
}

fn json_documents_have_a_stable_shape(network: &Network) {
    for (name, command) in [
        ("agent-list", &["agent", "list"][..]),
        ("agent-show", &["agent", "show", "1"]),
        ("job-list", &["job", "list"]),
        ("balance", &["balance", "--account", "dev:buyer"]),
        ("contracts-check", &["contracts", "check"]),
    ] {
        let document = network.json(command);
        insta::assert_json_snapshot!(format!("shape-{name}"), shape(&document));
    }
    let ready = std::fs::read(network.path("ready.json")).unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    insta::assert_json_snapshot!("shape-ready-file", shape(&ready));
}

fn cast(network: &Network, arguments: &[&str]) -> String {
    let program = root().join("scripts/node/node_modules/.bin/cast");
    let output = Command::new(program)
        .args(arguments)
        .args(["--rpc-url", &network.ready.rpc_url])
        .output()
        .expect("cast is missing: run scripts/setup");
    assert!(output.status.success(), "cast {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn cast_sees_an_ordinary_chain(network: &Network) {
    let contracts = &network.ready.contracts;
    let registry = contracts.registry.to_string();
    for address in [contracts.registry, contracts.account_implementation, contracts.factory] {
        let code = cast(network, &["code", &address.to_string()]);
        assert!(code.starts_with("0xeff000"), "{address}: {code}");
    }
    assert_eq!(cast(network, &["call", &registry, "agentCount()(uint256)"]), "1");
    let user = network.ready.account("user4").unwrap();
    let (key, to) = (user.private_key.to_string(), "0x00000000000000000000000000000000000000aa");
    cast(network, &["send", to, "--value", "17", "--private-key", &key]);
    assert_eq!(cast(network, &["balance", to]), "17");
}

fn bad_inputs_move_no_money(network: &Network, agent: &str) {
    let before = wei(network, "dev:buyer");
    let purchases = network.json(&["job", "list"]).as_array().unwrap().len();
    let cases: [(&str, &[u8], &str); 3] = [
        ("empty", b"", "empty"),
        ("huge", &vec![b'x'; 10 << 20], "more than"),
        ("binary", &[0xff, 0xfe, 0x00, 0x01], "not UTF-8"),
    ];
    for (name, bytes, reason) in cases {
        let input = network.write(name, bytes);
        let output = network.nexus(&["buy", agent, "--input", &input, "--account", "dev:buyer"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{name}: {stderr}");
        assert!(stderr.contains(reason) && stderr.contains("no money was moved"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
    let input = network.path("input.txt").display().to_string();
    for (arguments, reason) in [
        (vec!["buy", agent, "--input", &input, "--max-price", "0.001"], "more than --max-price"),
        (vec!["buy", "99", "--input", &input], "no such agent"),
    ] {
        let mut all = arguments;
        all.extend(["--account", "dev:buyer"]);
        let output = network.nexus(&all);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
    let poor = network.write("poor", format!("{:064x}", 0xdead).as_bytes());
    let output = network.nexus(&["buy", agent, "--input", &input, "--private-key-file", &poor]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("has 0 ETH"), "{}", text(&output.stderr));
    assert_eq!(wei(network, "dev:buyer"), before);
    assert_eq!(network.json(&["job", "list"]).as_array().unwrap().len(), purchases);
}

fn a_large_input_goes_to_the_keeper(network: &Network, agent: &str) {
    let large = format!("{TEXT}\n").repeat(200_000 / TEXT.len());
    let input = network.write("large.txt", large.as_bytes());
    let finished =
        network.json(&["buy", agent, "--input", &input, "--watch", "--account", "dev:buyer"]);
    assert_eq!(finished["purchase"]["status"], "settledOk");
    assert!(!finished["result"].as_str().unwrap().is_empty());
    let states: Vec<_> = finished["states"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["state"].as_str().unwrap())
        .collect();
    assert!(states.contains(&"seen") && states.contains(&"settled"), "{states:?}");
}

fn a_failing_run_is_refunded(network: &Network) {
    let agent = publish(network, "exit-nonzero", "0.02");
    let input = network.path("input.txt").display().to_string();
    let (_, before) = wei(network, "dev:buyer");
    let output =
        network.nexus(&["buy", &agent, "--input", &input, "--watch", "--account", "dev:buyer"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("non-zero exit") && stderr.contains("exit code 3"), "{stderr}");
    assert!(stderr.contains("nexus withdraw"), "{stderr}");
    assert!(output.stdout.is_empty(), "no result of a failed run");
    let (_, after) = wei(network, "dev:buyer");
    assert_eq!(after - before, 20_000_000_000_000_000);
    let refund = network.nexus(&["refund", "1", "--account", "dev:buyer"]);
    assert_eq!(refund.status.code(), Some(3), "settled purchases have no refund");
    let withdrawn = network.json(&["withdraw", "--account", "dev:buyer"]);
    assert_eq!(withdrawn["amount"], after.to_string());
    assert_eq!(wei(network, "dev:buyer").1, 0);
}

fn an_unlisted_agent_is_not_sold(network: &Network) {
    let input = network.path("input.txt").display().to_string();
    let stranger = network.nexus(&["agent", "unlist", "1", "--account", "dev:user5"]);
    assert_eq!(stranger.status.code(), Some(3), "{}", text(&stranger.stderr));
    assert!(text(&stranger.stderr).contains("only the agent's publisher"));
    network.json(&["agent", "unlist", "1", "--account", "dev:publisher"]);
    let output = network.nexus(&["buy", "1", "--input", &input, "--account", "dev:buyer"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no longer for sale"), "{}", text(&output.stderr));
    let listed = network.json(&["agent", "list"]);
    assert!(listed.as_array().unwrap().iter().all(|agent| agent["agentId"] != "1"));
}

fn everything_is_gone_afterwards(network: Network) {
    let children = network.children();
    assert_eq!(children.len(), 2, "keeper and signer are processes of their own");
    assert_eq!(containers(&network), "", "a container is left after its run");
    let rpc_url = network.ready.rpc_url.clone();
    an_unlisted_agent_is_not_sold(&network);
    let (code, log) = network.stop();
    assert_eq!(code, Some(0), "{log}");
    for pid in children {
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{pid} still runs:\n{log}"
        );
    }
    let address = rpc_url.trim_start_matches("http://");
    assert!(std::net::TcpStream::connect(address).is_err(), "the chain still listens");
}

/// A purchase by hash whose input the keeper does not get, as any wallet could make it.
fn buy_without_input(network: &Network, agent: &str, input: &[u8]) {
    let hash = alloy::primitives::keccak256(input).to_string();
    let key = network.ready.account("buyer").unwrap().private_key.to_string();
    let registry = network.ready.contracts.registry.to_string();
    let purchase = "purchase(uint256,uint32,bytes32,bytes)";
    let value = ["--value", "0.01ether", "--private-key", &key];
    let mut arguments = vec!["send", &registry, purchase, agent, "1", &hash, "0x"];
    arguments.extend(value);
    cast(network, &arguments);
}

#[test]
fn an_input_can_come_later_and_a_purchase_nobody_serves_is_refunded() {
    let network = Network::start();
    let agent = publish(&network, "summarize", "0.01");

    buy_without_input(&network, &agent, TEXT.as_bytes());
    let wrong = network.write("wrong.txt", b"Another text.");
    let refused = network.nexus(&["job", "upload", "1", "--input", &wrong]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    let input = network.write("input.txt", TEXT.as_bytes());
    network.json(&["job", "upload", "1", "--input", &input]);
    let watched = network.nexus(&["job", "show", "1", "--watch"]);
    assert!(watched.status.success(), "{}", text(&watched.stderr));
    assert!(!watched.stdout.is_empty());

    buy_without_input(&network, &agent, b"an input that never comes");
    let early = network.nexus(&["refund", "2", "--account", "dev:user4"]);
    assert_eq!(early.status.code(), Some(3), "{}", text(&early.stderr));
    assert!(text(&early.stderr).contains("deadline has not passed"), "{}", text(&early.stderr));
    an_expired_job_delivers_nothing_more(&network);
    cast(&network, &["rpc", "evm_increaseTime", "100000"]);
    cast(&network, &["rpc", "evm_mine"]);
    let refunded = network.json(&["refund", "2", "--account", "dev:user4"]);
    let buyer = network.ready.account("buyer").unwrap().address;
    assert_eq!(refunded["to"], serde_json::json!(buyer));
    assert_eq!(refunded["amount"], "10000000000000000");
    assert_eq!(network.json(&["job", "show", "2"])["purchase"]["status"], "refunded");
    assert_eq!(wei(&network, "dev:buyer").1, 10_000_000_000_000_000);
}

/// The keeper gives up while a run could no longer be settled, before the deadline itself.
fn an_expired_job_delivers_nothing_more(network: &Network) {
    let early = network.nexus(&["refund", "2", "--account", "dev:user4"]);
    assert!(text(&early.stderr).contains("may still deliver"), "{}", text(&early.stderr));
    let deadline = network.json(&["job", "show", "2"])["purchase"]["deadline"].as_u64().unwrap();
    let late = (deadline - 60).to_string();
    cast(network, &["rpc", "evm_setNextBlockTimestamp", &late]);
    cast(network, &["rpc", "evm_mine"]);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while network.json(&["job", "show", "2"])["job"]["state"] != "expired" {
        assert!(std::time::Instant::now() < patience, "{}", network.json(&["job", "show", "2"]));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let refused = network.nexus(&["refund", "2", "--account", "dev:user4"]);
    let stderr = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("delivers nothing more"), "{stderr}");
    assert!(!stderr.contains("may still deliver"), "{stderr}");
}

#[test]
fn a_child_that_dies_ends_the_network_with_its_words() {
    let network = Network::start();
    let keeper = network.children().into_iter().find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.starts_with("nexus-keeper")
    });
    let pid = rustix::process::Pid::from_raw(keeper.unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let (code, log) = network.ended();
    assert_eq!(code, Some(6), "{log}");
    assert!(log.contains("the keeper stopped by itself"), "{log}");
}

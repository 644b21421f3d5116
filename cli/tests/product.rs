//! The whole product as a user drives it: `nexus dev` in one terminal, commands in another.
//! Needs Docker, the sibling binaries, the contracts' build and the fixture agents.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::process::Command;

use support::{Network, root, text};

fn fixture(name: &str) -> (String, String) {
    let folder = root().join("test-fixtures/agents").join(name).display().to_string();
    let target = std::path::Path::new(env!("CARGO_BIN_EXE_nexus")).ancestors().nth(2).unwrap();
    let program = target.join("agents/release").join(name);
    assert!(program.exists(), "{} is missing: run scripts/build", program.display());
    (folder, program.display().to_string())
}

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

    code_of_the_programs(&network);
    bad_inputs_move_no_money(&network, &agent);
    a_large_input_goes_to_the_keeper(&network, &agent);
    a_failing_run_is_refunded(&network);
    everything_is_gone_afterwards(network);
}

/// What `cast code` shows: programs begin with the Stylus prefix.
fn code_of_the_programs(network: &Network) {
    let contracts = &network.ready.contracts;
    for address in
        [contracts.registry_implementation, contracts.account_implementation, contracts.factory]
    {
        let code = rpc(network, "eth_getCode", serde_json::json!([address, "latest"]));
        assert!(code.as_str().unwrap().starts_with("0xeff000"), "{address}: {code}");
    }
    let proxy = rpc(network, "eth_getCode", serde_json::json!([contracts.registry, "latest"]));
    assert_eq!(proxy.as_str().unwrap().len(), 2 + 2 * 61, "the registry is a proxy of 61 bytes");
}

fn rpc(network: &Network, method: &str, params: serde_json::Value) -> serde_json::Value {
    let request =
        serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer: serde_json::Value = runtime.block_on(async {
        let client = reqwest::Client::new();
        let response = client.post(&network.ready.rpc_url).json(&request).send().await.unwrap();
        response.json().await.unwrap()
    });
    answer["result"].clone()
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
        assert!(matches!(output.status.code(), Some(3 | 5)), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
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

fn everything_is_gone_afterwards(network: Network) {
    let children = network.children();
    assert_eq!(children.len(), 2, "keeper and signer are processes of their own");
    assert_eq!(containers(&network), "", "a container is left after its run");
    let rpc_url = network.ready.rpc_url.clone();
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

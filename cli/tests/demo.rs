//! `nexus demo` and `nexus bench`, as their scripts run them.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::{nexus, root, text};

fn demo(arguments: &[&str]) -> Output {
    nexus().current_dir(root()).arg("--json").args(arguments).output().unwrap()
}

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The sum of the changes of everybody's ether, and of the gas: nothing is lost.
fn sum(ledger: &Value) -> i128 {
    let number = |value: &Value| value.as_str().unwrap().parse::<i128>().unwrap();
    let rows = ledger["rows"].as_array().unwrap();
    rows.iter().map(|row| number(&row["change"])).sum::<i128>() + number(&ledger["gas"])
}

fn change(ledger: &Value, who: &str, what: &str) -> i128 {
    let rows = ledger["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == who).unwrap();
    row[what].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_demo_shows_every_step_and_every_wei() {
    let report = document(&demo(&["demo"]));
    assert_eq!(report["ok"], true);
    assert!(report["network"]["entryPointCodeBytes"].as_u64().unwrap() > 20_000);
    assert_eq!(report["network"]["programs"].as_array().unwrap().len(), 3);
    let run = &report["run"];
    assert_eq!(run["purchase"]["status"], "settledOk");
    assert!(run["settlement"]["userOperation"].is_string());
    assert!(!run["result"].as_str().unwrap().is_empty());
    assert!(!run["log"].as_array().unwrap().is_empty());
    assert_eq!(report["verification"]["verified"], true);
    assert_eq!(report["verification"]["onChain"], true);

    let (ledger, price) = (&report["ledger"], 10_000_000_000_000_000);
    assert_eq!(sum(ledger), 0);
    assert!(change(ledger, "buyer", "change") < -price, "price and gas");
    let earned: i128 = ["publisher's payee", "keeper account", "protocol owner"]
        .iter()
        .map(|who| change(ledger, who, "registryBalanceChange"))
        .sum();
    assert_eq!(earned, price);
    assert_eq!(change(ledger, "registry", "change"), price);

    let failed = &report["failedRun"];
    assert_eq!(failed["run"]["purchase"]["status"], "settledFailed");
    assert_eq!(failed["run"]["receipt"]["receipt"]["outcome"], "nonZeroExit");
    assert_eq!(failed["verification"]["verified"], true);
    assert_eq!(failed["withdrawn"]["amount"], price.to_string());
    assert_eq!(sum(&failed["ledger"]), 0);
    assert_eq!(change(&failed["ledger"], "publisher's payee", "registryBalanceChange"), 0);
    assert!(change(&failed["ledger"], "buyer", "change") > -price / 100, "only gas is lost");
}

#[test]
fn the_demo_takes_a_large_text_and_refuses_what_is_no_text_before_it_starts_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let text_of = |bytes: usize| "One sentence follows another. ".repeat(bytes / 30).into_bytes();
    for (path, reason) in [
        (file("empty", b""), "is empty"),
        (file("huge", &text_of(10 << 20)), "more than the 1048576 allowed"),
        (file("binary", &[0, 159, 146, 150]), "not UTF-8"),
        (folder.path().join("absent").display().to_string(), "cannot be read"),
    ] {
        let output = demo(&["demo", &path]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
        assert!(!stderr.contains("chain |"), "nothing was started: {stderr}");
        assert!(output.stdout.is_empty());
    }
    let shipped = std::fs::read(root().join("test-fixtures/texts/alice.txt")).unwrap();
    let large = shipped.repeat(200_000 / shipped.len() + 1);
    let report = document(&demo(&["demo", &file("large.txt", &large)]));
    assert_eq!(report["run"]["purchase"]["status"], "settledOk");
}

#[test]
fn the_benchmark_adds_up() {
    let report = document(&demo(&["bench", "--runs", "2"]));
    let samples = report["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2);
    for sample in samples {
        let part = |name: &str| sample[name].as_u64().unwrap();
        let parts = part("seen") + part("start") + part("container") + part("settle");
        assert_eq!(part("total"), parts, "{sample}");
        assert!(part("container") > 0);
    }
    assert!(report["ratioToPlain"].as_f64().unwrap() > 0.0);
    assert_eq!(report["plainSamples"].as_array().unwrap().len(), 2);
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = nexus()
        .current_dir(root())
        .env("TMPDIR", folder.path())
        .arg("demo")
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let told = || std::fs::read_to_string(&log).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !told().contains("job is running") {
        assert!(std::time::Instant::now() < deadline, "{}", told());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", told());
    let keeper = told();
    let account = keeper.split("smart account ").nth(1).unwrap().split(',').next().unwrap();
    let label =
        format!("label=agentnexus.keeper={}", account.trim_start_matches("0x").to_lowercase());
    let left = Command::new("docker").args(["ps", "-aq", "--filter", &label]).output().unwrap();
    assert_eq!(text(&left.stdout), "", "a container is left");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["log"], "only the test's own file is left");
}

#[test]
fn a_missing_engine_and_missing_programs_are_named_at_once() {
    let output = nexus()
        .current_dir(root())
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .arg("demo")
        .output()
        .unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("Docker Engine does not answer"), "{stderr}");

    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("nexus");
    std::fs::copy(env!("CARGO_BIN_EXE_nexus"), &alone).unwrap();
    let output = Command::new(&alone).current_dir(root()).arg("dev").output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("nexus-signer is not beside"), "{stderr}");
    assert!(stderr.contains("cargo build --workspace --bins"), "{stderr}");
}

//! cargo-stylus, the tool that Stylus developers deploy with.

use crate::process::{finish, repository, run, within};
use alloy::primitives::utils::parse_ether;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use devnet::genesis::CACHE_MANAGER;
use devnet::{Config, Devnet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// A constructor of one word, which it keeps in slot 0, and the value in slot 1. Any other call
/// returns the slot that it names, or adds 1 to slot 0 if it names none.
const PROGRAM: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (import "vm_hooks" "storage_load_bytes32" (func $load (param i32 i32)))
    (import "vm_hooks" "storage_cache_bytes32" (func $store (param i32 i32)))
    (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
    (import "vm_hooks" "msg_value" (func $value (param i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param $len i32) (result i32)
        (call $read_args (i32.const 0))
        ;; stylus_constructor(), 0x5585258d
        (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x8d258555)) (then
            (call $store (i32.const 512) (i32.const 4))
            (call $value (i32.const 544))
            (i32.store8 (i32.const 607) (i32.const 1))
            (call $store (i32.const 576) (i32.const 544))
            (call $flush (i32.const 0))
            (return (i32.const 0))))
        (if (i32.eqz (local.get $len)) (then
            (call $load (i32.const 512) (i32.const 64))
            (i32.store8 (i32.const 95) (i32.add (i32.load8_u (i32.const 95)) (i32.const 1)))
            (call $store (i32.const 512) (i32.const 64))
            (call $flush (i32.const 0))
            (return (i32.const 0))))
        (call $load (i32.const 0) (i32.const 64))
        (call $write_result (i32.const 64) (i32.const 32))
        (i32.const 0)))"#;

/// A project of its own for one test, and the node it deploys to.
struct Bench {
    node: Devnet,
    project: TempDir,
    tool: PathBuf,
}

impl Bench {
    async fn new(wat: &str) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let tool = target.join("tools/bin/cargo-stylus");
        assert!(tool.exists(), "{} is missing: run scripts/setup --tests", tool.display());
        let project = TempDir::new().unwrap();
        let fixture = repository("test-fixtures/clients/stylus");
        for file in ["Cargo.toml", "Cargo.lock", "Stylus.toml", "rust-toolchain.toml"] {
            std::fs::copy(fixture.join(file), project.path().join(file)).unwrap();
        }
        std::fs::create_dir_all(project.path().join("src")).unwrap();
        std::fs::copy(fixture.join("src/lib.rs"), project.path().join("src/lib.rs")).unwrap();
        std::fs::write(project.path().join("given.wasm"), wat::parse_str(wat).unwrap()).unwrap();
        Self { node: Devnet::spawn(Config::default()).await.unwrap(), project, tool }
    }

    /// `cargo stylus` with the node's address, and the first account's key where it signs.
    fn command(&self, arguments: &[&str], constructor: &str) -> Command {
        let fixture = repository("test-fixtures/clients/stylus").canonicalize().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(&self.tool);
        command
            .arg("stylus")
            .args(arguments)
            .args(["--endpoint", &self.node.rpc_url()])
            .current_dir(self.project.path())
            .env("CARGO", fixture.join("cargo"))
            .env("PATH", format!("{}:{path}", fixture.display()))
            .env("REAL_CARGO", env!("CARGO"))
            .env("GIVEN_WASM", self.project.path().join("given.wasm"))
            .env("GIVEN_CONSTRUCTOR", constructor)
            .env_remove("CARGO_TARGET_DIR");
        command
    }

    async fn ok(&self, arguments: &[&str], constructor: &str) -> String {
        run(&mut self.command(arguments, constructor), &[]).await
    }

    /// Deploys and returns where the tool says that the code is.
    async fn deploy(&self, more: &[&str], constructor: &str) -> Address {
        let key = self.node.accounts()[0].private_key.to_string();
        let arguments = ["deploy", "--no-verify", "--private-key", &key];
        let mut all = arguments.to_vec();
        all.extend(more);
        let mut command = self.command(&all, constructor);
        // Constructor arguments take everything that follows.
        if let Some(argument) = constructor.contains("uint256").then_some("77") {
            command.args(["--constructor-args", argument]);
        }
        let output = run(&mut command, &[]).await;
        let line = output.lines().find(|line| line.contains("code at address")).unwrap();
        line[line.find("0x").unwrap()..][..42].parse().unwrap()
    }

    async fn signed(&self, arguments: &[&str]) -> std::process::Output {
        let key = self.node.accounts()[0].private_key.to_string();
        let all = [arguments, &["--private-key", &key]].concat();
        finish(&mut self.command(&all, ""), &[]).await
    }

    fn client(&self) -> impl Provider + Clone + use<> {
        ProviderBuilder::new().connect_http(self.node.rpc_url().parse().unwrap())
    }

    async fn call(&self, to: Address, data: Vec<u8>) -> Result<Bytes, String> {
        let request = TransactionRequest::default().to(to).input(data.into());
        within(self.client().call(request)).await.map_err(|error| error.to_string())
    }

    async fn slot(&self, contract: Address, slot: u64) -> U256 {
        let answer = self.call(contract, B256::from(U256::from(slot)).to_vec()).await.unwrap();
        U256::from_be_slice(&answer)
    }
}

#[tokio::test]
async fn cargo_stylus_checks_deploys_and_activates() {
    let bench = Bench::new(PROGRAM).await;
    let checked = bench.ok(&["check"], "").await;
    assert!(checked.contains("wasm data fee"), "{checked}");
    let contract = bench.deploy(&[], "").await;
    assert_eq!(bench.slot(contract, 0).await, U256::ZERO);
    // What is active already, is not activated again.
    let again = bench.signed(&["activate", "--address", &contract.to_string()]).await;
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && error.contains("0xcc944bf2"), "{error}");
    bench.node.shutdown().await;
}

#[tokio::test]
async fn cargo_stylus_activates_later() {
    let bench = Bench::new(PROGRAM).await;
    let contract = bench.deploy(&["--no-activate"], "").await;
    let error = bench.call(contract, vec![0; 32]).await.unwrap_err();
    assert!(error.contains("ProgramNotActivated()"), "{error}");
    let activated = bench.signed(&["activate", "--address", &contract.to_string()]).await;
    assert!(activated.status.success(), "{}", String::from_utf8_lossy(&activated.stderr));
    assert_eq!(bench.slot(contract, 0).await, U256::ZERO);
    bench.node.shutdown().await;
}

#[tokio::test]
async fn cargo_stylus_deploys_with_a_constructor_through_the_stylus_deployer() {
    let bench = Bench::new(PROGRAM).await;
    let signature = "constructor(uint256 first) payable";
    let salt = B256::with_last_byte(7).to_string();
    let more = ["--constructor-value", "5", "--deployer-salt", &salt];
    let contract = bench.deploy(&more, signature).await;
    assert_eq!(bench.slot(contract, 0).await, U256::from(77));
    let value = parse_ether("5").unwrap();
    assert_eq!(bench.slot(contract, 1).await, value);
    assert_eq!(within(bench.client().get_balance(contract)).await.unwrap(), value);
    bench.node.shutdown().await;
}

#[tokio::test]
async fn cargo_stylus_caches_and_keeps_alive() {
    let bench = Bench::new(PROGRAM).await;
    let contract = bench.deploy(&[], "").await.to_string();
    let bid = bench.signed(&["cache", "bid", &contract, "0"]).await;
    assert!(bid.status.success(), "{}", String::from_utf8_lossy(&bid.stderr));
    let status = bench.ok(&["cache", "status", "--address", &contract], "").await;
    let manager = CACHE_MANAGER.to_string().to_lowercase();
    assert!(status.contains("is cached") && status.contains(&manager), "{status}");
    let suggested = bench.ok(&["cache", "suggest-bid", &contract], "").await;
    assert!(suggested.contains("Minimum bid"), "{suggested}");

    let client = bench.client();
    let code = within(client.get_code_at(contract.parse().unwrap())).await.unwrap();
    let hash = alloy::primitives::keccak256(code).to_string();
    let keep = ["codehash-keepalive", "--codehash", &hash];
    let early = bench.signed(&keep).await;
    let error = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success() && error.contains("0x16bd0cf8"), "{error}");
    within(client.anvil_increase_time(32 * 24 * 3600)).await.unwrap();
    within(client.anvil_mine(Some(1), None)).await.unwrap();
    // The tool sends no data fee, without which no chain keeps a program.
    let unpaid = bench.signed(&keep).await;
    let error = String::from_utf8_lossy(&unpaid.stderr).into_owned();
    assert!(!unpaid.status.success() && error.contains("0x09781ab7"), "{error}");
    bench.node.shutdown().await;
}

#[tokio::test]
async fn cargo_stylus_refuses_what_no_chain_would_activate() {
    let bench = Bench::new(
        r#"(module (memory (export "memory") 1 1)
            (func (export "user_entrypoint") (param i32) (result i32)
                (i32.trunc_f32_s (f32.add (f32.const 1) (f32.const 2)))))"#,
    )
    .await;
    let output = finish(&mut bench.command(&["check"], ""), &[]).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("program activation failed"), "{error}");
    bench.node.shutdown().await;
}

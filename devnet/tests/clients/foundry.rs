//! `forge script` deploys Solidity; `cast` lets it call a Stylus program, which calls back.

use crate::process::{client, repository, run, tool};
use crate::smart::{deploy, send};
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use devnet::stylus::code::compress_classic;
use devnet::{Config, Devnet};
use serde_json::Value;
use tokio::process::Command;

sol! {
    function activateProgram(address program) external payable returns (uint16, uint256);
}

const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");

/// Takes an address and data; calls the address with the data and returns what it returns.
const FORWARDER: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (import "vm_hooks" "call_contract"
        (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
    (import "vm_hooks" "read_return_data" (func $read (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param $length i32) (result i32)
        (local $status i32)
        (call $read_args (i32.const 0))
        (local.set $status (call $call
            (i32.const 0) (i32.const 20) (i32.sub (local.get $length) (i32.const 20))
            (i32.const 1024) (i64.const -1) (i32.const 2048)))
        (drop (call $read (i32.const 4096) (i32.const 0) (i32.load (i32.const 2048))))
        (call $write_result (i32.const 4096) (i32.load (i32.const 2048)))
        (local.get $status)))"#;

#[tokio::test]
async fn solidity_deployed_by_forge_calls_a_program_and_is_called_back() {
    let devnet = Devnet::spawn(Config::default()).await.unwrap();
    let (url, key) = (devnet.rpc_url(), devnet.accounts()[0].private_key.to_string());
    let wallet = EthereumWallet::new(devnet.accounts()[0].signer().unwrap());
    let provider =
        ProviderBuilder::new().wallet(wallet).connect_http(url.parse().unwrap()).erased();

    let made = tempfile::tempdir().unwrap();
    let place = |name: &str| made.path().join(name);
    tool(".bin/solcjs");
    let mut forge = Command::new(client(".bin/forge"));
    forge
        .current_dir(repository("test-fixtures/clients/forge"))
        .args(["script", "script/Deploy.s.sol", "--rpc-url", &url, "--broadcast"])
        .env("KEY", &key)
        .env("FOUNDRY_OUT", place("out"))
        .env("FOUNDRY_CACHE_PATH", place("cache"))
        .env("FOUNDRY_BROADCAST", place("broadcast"));
    run(&mut forge, &[]).await;
    let log = place("broadcast/Deploy.s.sol/412346/run-latest.json");
    let log: Value = serde_json::from_slice(&std::fs::read(log).unwrap()).unwrap();
    let receipts = log["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 3, "{log:#}");
    assert!(receipts.iter().all(|receipt| receipt["status"] == "0x1"), "{log:#}");
    let [token, caller] =
        [0, 1].map(|index: usize| receipts[index]["contractAddress"].as_str().unwrap().to_owned());

    let code = compress_classic(&wat::parse_str(FORWARDER).unwrap());
    let code = crate::smart::init_code_long(&code);
    let program = deploy(&provider, code).await;
    let activate = activateProgramCall { program }.abi_encode();
    let request = TransactionRequest::default()
        .to(ARB_WASM)
        .input(alloy::primitives::Bytes::from(activate).into());
    send(&provider, request.value(U256::from(10).pow(U256::from(17)))).await;

    let cast = async |arguments: &[&str]| {
        let mut cast = Command::new(tool(".bin/cast"));
        let output = run(cast.args(arguments).args(["--rpc-url", &url]), &[]).await;
        output.trim().to_owned()
    };
    let held = cast(&["call", &token, "balanceOf(address)(uint256)", &caller]).await;
    assert_eq!(held, "42");
    let program = program.to_string();
    let run = "run(address,uint256)(uint256)";
    assert_eq!(cast(&["call", &caller, run, &program, "21"]).await, "42");
    let sent = cast(&["send", &caller, run, &program, "21", "--private-key", &key, "--json"]).await;
    let receipt: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(cast(&["call", &caller, "called()(uint256)"]).await, "1");
    assert_eq!(cast(&["call", &caller, "by()(address)"]).await, program);
    devnet.shutdown().await;
}

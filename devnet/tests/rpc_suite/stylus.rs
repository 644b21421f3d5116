//! A Stylus program deployed, activated and called over RPC as any client would.

use crate::support::{call_to, chain, client, post, request, rpc, send};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256, address, hex, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use devnet::stylus::code::compress_classic;
use devnet::{Config, Devnet};
use serde_json::json;

pub const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");

sol! {
    #[sol(rpc)]
    interface ArbWasm {
        function activateProgram(address program) external payable
            returns (uint16 version, uint256 dataFee);
        function codehashVersion(bytes32 codehash) external view returns (uint16 version);
        error ProgramNotActivated();
    }
    #[sol(rpc)]
    interface NodeInterface {
        function gasEstimateComponents(address to, bool contractCreation, bytes calldata data)
            external payable returns (uint64 gasEstimate, uint64 gasEstimateForL1,
                uint256 baseFee, uint256 l1BaseFeeEstimate);
        function nitroGenesisBlock() external pure returns (uint256 number);
    }
}

/// Returns its input.
pub const ECHO: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param $length i32) (result i32)
        (call $read_args (i32.const 0))
        (call $write_result (i32.const 0) (local.get $length))
        (i32.const 0)))"#;

/// The echo as code of an account.
pub fn program() -> Bytes {
    code_of(ECHO)
}

/// The code of a program.
pub fn code_of(wat: &str) -> Bytes {
    compress_classic(&wat::parse_str(wat).unwrap()).into()
}

/// Deploys and activates a program.
pub async fn activated(client: &DynProvider, wat: &str) -> Address {
    let program = deploy(client, &code_of(wat)).await;
    let activate = ArbWasm::activateProgramCall { program }.abi_encode();
    let request = call_to(ARB_WASM, activate).value(U256::from(10).pow(U256::from(17)));
    assert!(send(client, request).await.status());
    program
}

/// Deploys code that is a program's.
pub async fn deploy(client: &DynProvider, code: &Bytes) -> Address {
    let length = U256::from(code.len()).to_be_bytes::<32>();
    let prelude = [&hex!("7f")[..], &length, &hex!("80602b6000396000f300")].concat();
    let init = [&prelude[..], code].concat();
    let receipt = send(client, TransactionRequest::default().with_deploy_code(init)).await;
    assert!(receipt.status());
    receipt.contract_address.unwrap()
}

#[tokio::test]
async fn a_program_runs_after_its_activation_and_not_before() {
    let node = chain().await;
    let client = client(&node);
    let code = program();
    let echo = deploy(&client, &code).await;
    assert_eq!(client.get_code_at(echo).await.unwrap(), code);

    let call = json!([call_to(echo, hex!("c0ffee")), "latest"]);
    let answer = post(&node, request("eth_call", call.clone())).await;
    assert!(answer["error"].is_object(), "{answer}");

    let arb_wasm = ArbWasm::new(ARB_WASM, &client);
    let value = U256::from(10).pow(U256::from(17));
    let quoted = arb_wasm.activateProgram(echo).value(value).call().await.unwrap();
    let activate =
        arb_wasm.activateProgram(echo).value(quoted.dataFee * U256::from(6) / U256::from(5));
    let receipt = send(&client, activate.into_transaction_request()).await;
    assert!(receipt.status());
    let version = arb_wasm.codehashVersion(keccak256(&code)).call().await.unwrap();
    assert_eq!(version, 2);

    assert_eq!(rpc(&node, "eth_call", call).await, "0xc0ffee");
    let estimate = client.estimate_gas(call_to(echo, hex!("c0ffee"))).await.unwrap();
    let receipt = send(&client, call_to(echo, hex!("c0ffee")).gas_limit(estimate)).await;
    assert!(receipt.status());
    assert!(receipt.gas_used <= estimate);
    node.shutdown().await;
}

#[tokio::test]
async fn with_auto_activation_a_program_runs_at_once() {
    let config = Config { auto_activate: true, ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    let echo = deploy(&client, &program()).await;
    let answer = client.call(call_to(echo, hex!("0102"))).await.unwrap();
    assert_eq!(answer.as_ref(), hex!("0102"));
    node.shutdown().await;
}

#[tokio::test]
async fn an_override_can_place_a_program() {
    let node = chain().await;
    let program = program();
    let echo = Address::with_last_byte(0xee);
    let check = ArbWasm::activateProgramCall { program: echo }.abi_encode();
    let sender = Address::with_last_byte(0xdd);
    let call = json!([
        { "from": sender, "to": ARB_WASM, "input": Bytes::from(check), "value": "0xde0b6b3a7640000" },
        "latest",
        { echo.to_string(): { "code": program }, sender.to_string(): { "balance": U256::MAX } },
    ]);
    let answer: Bytes = serde_json::from_value(rpc(&node, "eth_call", call).await).unwrap();
    let answer = ArbWasm::activateProgramCall::abi_decode_returns(&answer).unwrap();
    assert_eq!(answer.version, 2);
    assert!(answer.dataFee > U256::ZERO);
    node.shutdown().await;
}

#[tokio::test]
async fn the_node_answers_questions_about_gas() {
    let node = chain().await;
    let client = client(&node);
    let questions = NodeInterface::new(NODE_INTERFACE, &client);
    let to = Address::with_last_byte(0xee);
    let answer = questions
        .gasEstimateComponents(to, false, Bytes::new())
        .from(node.accounts()[0].address)
        .call()
        .await
        .unwrap();
    assert_eq!((answer.gasEstimate, answer.gasEstimateForL1), (21_000, 0));
    assert_eq!(answer.baseFee, U256::from(100_000_000));
    assert_eq!(questions.nitroGenesisBlock().call().await.unwrap(), U256::ZERO);
    node.shutdown().await;
}

//! What an Arbitrum chain does and other development nodes leave out.

use crate::stylus::{ARB_WASM, ECHO, activated, code_of, deploy};
use crate::support::{call_to, chain, client, rpc, rpc_error, send, word};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, U256, address, hex};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolCall, SolError};
use devnet::{Config, Devnet};
use serde_json::json;

const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");
/// Collects what posting costs.
const FUNDS_POOL: Address = address!("a4b00000000000000000000000000000000000f6");
/// What Nitro's development mode asks for a unit of calldata.
const FIFTY_GWEI: u64 = 50_000_000_000;

sol! {
    #![sol(all_derives)]
    function activateProgram(address program) external payable
        returns (uint16 version, uint256 dataFee);
    function programTimeLeft(address program) external view returns (uint64 secs);
    function arbOSVersion() external view returns (uint256 version);
    function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
        external payable returns (uint64 gasEstimateForL1, uint256 baseFee,
            uint256 l1BaseFeeEstimate);
    error ProgramInsufficientValue(uint256 have, uint256 want);
}

/// Returns msg_reentrant, and the same as seen by a call to itself.
const REENTERS: &str = r#"(module
    (import "vm_hooks" "contract_address" (func $self (param i32)))
    (import "vm_hooks" "call_contract"
        (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
    (import "vm_hooks" "read_return_data" (func $result (param i32 i32 i32) (result i32)))
    (import "vm_hooks" "msg_reentrant" (func $reentrant (result i32)))
    (import "vm_hooks" "write_result" (func $write (param i32 i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param $len i32) (result i32)
        (i32.store8 (i32.const 0) (call $reentrant))
        (if (local.get $len) (then
            (call $write (i32.const 0) (i32.const 1))
            (return (i32.const 0))))
        (call $self (i32.const 32))
        (drop (call $call (i32.const 32) (i32.const 0) (i32.const 1) (i32.const 64)
            (i64.const -1) (i32.const 96)))
        (drop (call $result (i32.const 1) (i32.const 0) (i32.const 1)))
        (call $write (i32.const 0) (i32.const 2))
        (i32.const 0)))"#;

async fn posting_costs() -> Devnet {
    Devnet::spawn(Config { l1_price: FIFTY_GWEI, ..Config::default() }).await.unwrap()
}

async fn ask<C: SolCall>(client: &DynProvider, to: Address, call: C) -> C::Return {
    let answer = client.call(call_to(to, call.abi_encode())).await.unwrap();
    C::abi_decode_returns(&answer).unwrap()
}

#[tokio::test]
async fn activation_costs_the_data_fee() {
    let node = chain().await;
    let client = client(&node);
    let program = deploy(&client, &code_of(ECHO)).await;
    let activate = activateProgramCall { program }.abi_encode();
    let params = json!([call_to(ARB_WASM, activate.clone()), "latest"]);
    let error = rpc_error(&node, "eth_call", params).await;
    assert_eq!(error["code"], 3, "{error}");
    let data: Bytes = serde_json::from_value(error["data"].clone()).unwrap();
    let lack = ProgramInsufficientValue::abi_decode(&data).unwrap();
    assert_eq!(lack.have, U256::ZERO);
    let before = client.get_balance(devnet::genesis::CHAIN_OWNER).await.unwrap();
    // A wei more comes back.
    let enough = call_to(ARB_WASM, activate).value(lack.want + U256::ONE);
    let receipt = send(&client, enough).await;
    assert!(receipt.status());
    let earned = client.get_balance(devnet::genesis::CHAIN_OWNER).await.unwrap() - before;
    let gas = U256::from(u128::from(receipt.gas_used) * receipt.effective_gas_price);
    assert!(earned - gas <= lack.want && earned - gas > U256::ZERO, "{earned} {gas} {lack:?}");
    assert_eq!(client.get_balance(ARB_WASM).await.unwrap(), U256::ZERO);
    node.shutdown().await;
}

#[tokio::test]
async fn the_arbos_version_is_the_one_that_was_chosen() {
    for arbos in [32u64, 40, 51, 60] {
        let node = Devnet::spawn(Config { arbos, ..Config::default() }).await.unwrap();
        let client = client(&node);
        let version = ask(&client, ARB_SYS, arbOSVersionCall {}).await;
        assert_eq!(version, U256::from(55 + arbos));
        let head = rpc(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
        let mix = head["mixHash"].as_str().unwrap();
        assert_eq!(&mix[34..50], format!("{arbos:016x}"), "{mix}");
        node.shutdown().await;
    }
}

#[tokio::test]
async fn posting_to_the_parent_chain_is_paid_in_gas_and_told_in_the_receipt() {
    let node = posting_costs().await;
    let client = client(&node);
    let to = Address::repeat_byte(0x77);
    let request = TransactionRequest::default().to(to).value(U256::ONE);
    let estimate = client.estimate_gas(request.clone()).await.unwrap();
    let pending = client.send_transaction(request.gas_limit(estimate)).await.unwrap();
    let hash = *pending.tx_hash();
    let receipt = rpc(&node, "eth_getTransactionReceipt", json!([hash])).await;
    let number = |name: &str| {
        u64::from_str_radix(receipt[name].as_str().unwrap().strip_prefix("0x").unwrap(), 16)
            .unwrap()
    };
    assert_eq!(number("l1BlockNumber"), 0);
    let l1_gas = number("gasUsedForL1");
    assert_eq!(number("gasUsed"), 21_000 + l1_gas);
    // Signatures do not compress: 16 units a byte, 500 gas a unit.
    let tx = client.get_transaction_by_hash(hash).await.unwrap().unwrap();
    let size = tx.inner.encoded_2718().len() as u64;
    assert_eq!(l1_gas % 8_000, 0);
    assert!((size - 20..size + 20).contains(&(l1_gas / 8_000)), "{size} bytes, {l1_gas} gas");
    let pool = client.get_balance(FUNDS_POOL).await.unwrap();
    assert_eq!(pool, U256::from(l1_gas) * U256::from(100_000_000));
    node.shutdown().await;
}

#[tokio::test]
async fn estimates_hold_with_the_parent_chains_share() {
    let node = posting_costs().await;
    let client = client(&node);
    let data: Bytes = (0..=255u8).collect();
    let request = call_to(Address::repeat_byte(0x78), data.clone());
    let call = gasEstimateL1ComponentCall {
        to: Address::repeat_byte(0x78),
        contractCreation: false,
        data,
    };
    let quoted = ask(&client, NODE_INTERFACE, call).await;
    assert_eq!(quoted.l1BaseFeeEstimate, U256::from(FIFTY_GWEI));
    let estimate = client.estimate_gas(request.clone()).await.unwrap();
    let receipt = send(&client, request.gas_limit(estimate)).await;
    assert!(receipt.status());
    let used = receipt.gas_used;
    assert!(used <= estimate && estimate < used * 5 / 4, "{used} used, {estimate} estimated");
    assert!(quoted.gasEstimateForL1 > used - 30_000, "{quoted:?}, {used} used");
    node.shutdown().await;
}

#[tokio::test]
async fn unknown_questions_to_precompiles_fail() {
    let node = chain().await;
    for address in ["64", "66", "6c", "6d", "6e", "70", "71", "72", "73", "c8"] {
        let to = format!("0x{address:0>40}");
        let params = json!([{ "to": to, "input": "0xdeadbeef" }, "latest"]);
        let error = rpc_error(&node, "eth_call", params).await;
        assert!(error["message"].is_string(), "{to}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn the_time_left_of_a_program_runs_out() {
    let node = chain().await;
    let client = client(&node);
    let program = activated(&client, ECHO).await;
    let left = ask(&client, ARB_WASM, programTimeLeftCall { program }).await;
    // Activation times count from the full hour.
    let year = 365 * 24 * 3_600;
    assert!((year - 3_700..=year).contains(&left), "{left}");
    client.anvil_increase_time(1_000_000).await.unwrap();
    client.anvil_mine(Some(1), None).await.unwrap();
    let later = ask(&client, ARB_WASM, programTimeLeftCall { program }).await;
    assert!((left - 1_000_100..=left - 1_000_000).contains(&later), "{left} then {later}");
    node.shutdown().await;
}

#[tokio::test]
async fn a_program_knows_that_it_is_re_entered() {
    let node = chain().await;
    let client = client(&node);
    let program = activated(&client, REENTERS).await;
    let answer = client.call(call_to(program, Bytes::new())).await.unwrap();
    assert_eq!(answer.as_ref(), hex!("0001"));
    node.shutdown().await;
}

#[tokio::test]
async fn a_module_beyond_the_largest_size_is_refused() {
    let node = chain().await;
    let client = client(&node);
    let padded = |size: usize| {
        let data = "\\00".repeat(size);
        format!(r#"{} (@custom "padding" "{data}"))"#, ECHO.strip_suffix(')').unwrap())
    };
    // Both are small when compressed.
    let fits = activated(&client, &padded(130_000)).await;
    assert_eq!(client.call(call_to(fits, word(7))).await.unwrap(), word(7));
    let program = deploy(&client, &code_of(&padded(131_072))).await;
    let request = call_to(ARB_WASM, activateProgramCall { program }.abi_encode())
        .value(U256::from(10).pow(U256::from(17)));
    assert!(client.call(request).await.is_err());
    node.shutdown().await;
}

#[tokio::test]
async fn blocks_carry_the_root_and_the_count_of_messages_to_the_parent_chain() {
    let node = chain().await;
    let client = client(&node);
    // withdrawEth(address)
    let data = [&hex!("25e16063")[..], &Address::repeat_byte(7).into_word()[..]].concat();
    assert!(send(&client, call_to(ARB_SYS, data).value(U256::from(5))).await.status());
    let head = rpc(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(head["sendCount"], "0x1");
    assert_eq!(head["sendRoot"], head["extraData"]);
    assert_ne!(head["sendRoot"], format!("0x{:064x}", 0));
    assert!(head["mixHash"].as_str().unwrap().starts_with("0x0000000000000001"));
    node.shutdown().await;
}

#[tokio::test]
async fn the_base_fee_follows_the_load() {
    let node = chain().await;
    let client = client(&node);
    let burner = crate::support::deploy(&client, &crate::support::INVALID).await;
    assert_eq!(client.get_gas_price().await.unwrap(), 100_000_000);
    for _ in 0..20 {
        let request = call_to(burner, Bytes::new()).gas_limit(32_000_000);
        let request = request.max_fee_per_gas(10_000_000_000).max_priority_fee_per_gas(0);
        assert!(!send(&client, request).await.status());
    }
    // 640,000,000 gas, of which 70,000,000 are tolerated: e^0.8 at the most.
    let price = client.get_gas_price().await.unwrap();
    assert!((150_000_000..223_000_000).contains(&price), "{price}");
    client.anvil_increase_time(100).await.unwrap();
    client.anvil_mine(Some(1), None).await.unwrap();
    assert_eq!(client.get_gas_price().await.unwrap(), 100_000_000);
    node.shutdown().await;
}

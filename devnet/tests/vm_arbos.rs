//! The ArbOS precompiles: activation to the unit, questions, caching, owners, upgrades.

mod vm_support;

use alloy::sol_types::{SolCall, SolEvent};
use devnet::{
    stylus::{code::compress_classic, prices::prices},
    vm::{Outcome, VmConfig},
};
use revm::{
    Database, DatabaseCommit,
    primitives::{Address, B256, Bytes, U256, address, keccak256},
};
use vm_support::{abi::*, *};

const SYS: Address = address!("0000000000000000000000000000000000000064");
const INFO: Address = address!("0000000000000000000000000000000000000065");
const PUBLIC: Address = address!("000000000000000000000000000000000000006b");
const GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
const OWNER: Address = address!("0000000000000000000000000000000000000070");
const CACHE: Address = address!("0000000000000000000000000000000000000072");
const DEBUG: Address = address!("00000000000000000000000000000000000000ff");
/// Somebody who owns nothing.
const MALLORY: Address = address!("0000000000000000000000000000000000bad000");

const WRITE_ARGS: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (memory (export "memory") 1 1)
    (func $main (export "user_entrypoint") (param $args_len i32) (result i32)
        (call $read_args (i32.const 0))
        (call $write_result (i32.const 0) (local.get $args_len))
        (i32.const 0)))"#;

fn ask<C: SolCall>(bench: &mut Bench, to: Address, call: C) -> C::Return {
    let outcome = bench.call(to, call.abi_encode());
    assert!(outcome.result.is_success(), "{}: {outcome:?}", C::SIGNATURE);
    C::abi_decode_returns(&output(&outcome)).expect("a decodable answer")
}

/// Sends a transaction and expects it to succeed.
fn tell<C: SolCall>(bench: &mut Bench, to: Address, call: C) -> Outcome {
    let outcome = bench.send(to, call.abi_encode(), 0);
    assert!(outcome.result.is_success(), "{}: {outcome:?}", C::SIGNATURE);
    outcome
}

fn intrinsic(data: &[u8]) -> u64 {
    21_000 + data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>()
}

fn hash_of(bench: &mut Bench, program: Address) -> B256 {
    bench.db.basic(program).expect("a map does not fail").expect("an account").code_hash
}

#[test]
fn activation_costs_fee_and_event() {
    for (arbos, fixed) in [(40, 1_747_826), (51, 1_747_826), (60, 1_748_626)] {
        let mut bench = Bench::at(arbos);
        let program = bench.put_wat(WRITE_ARGS);
        let data = Wasm::activateProgramCall { program }.abi_encode();
        let before = bench.balance(ALICE);
        let outcome = bench.send(ARB_WASM, data.clone(), ETHER);
        assert!(outcome.result.is_success(), "{outcome:?}");
        assert_eq!(gas(&outcome), intrinsic(&data) + fixed + 64_624, "ArbOS {arbos}");
        let returned = Wasm::activateProgramCall::abi_decode_returns(&output(&outcome)).unwrap();
        let fee = U256::from(43_672_675_108_907u64);
        assert_eq!((returned.version, returned.dataFee), (2, fee));
        // The rest of the value came back; fees go to the owner, who is the sender.
        assert_eq!(bench.balance(ALICE), before);
        assert_eq!(bench.balance(ARB_WASM), U256::ZERO);
        let log = &outcome.result.logs()[0];
        assert_eq!(log.address, ARB_WASM);
        let event = Wasm::ProgramActivated::decode_log(log).unwrap();
        assert_eq!((event.program, event.dataFee, event.version), (program, fee, 2));
        assert_eq!(event.codehash, hash_of(&mut bench, program));
        assert!(!event.moduleHash.is_zero());
        // Once is enough, for all accounts with the same code.
        let twin = bench.put_wat(WRITE_ARGS);
        assert_eq!(output(&bench.activate(twin))[..], [0xcc, 0x94, 0x4b, 0xf2]);
        assert!(bench.send(twin, [1], 0).result.is_success());
    }
}

#[test]
fn activation_without_the_fee_reverts_with_the_amounts() {
    let mut bench = Bench::new();
    let program = bench.put_wat(WRITE_ARGS);
    let data = Wasm::activateProgramCall { program }.abi_encode();
    let outcome = bench.send(ARB_WASM, data, 5);
    assert!(is_revert(&outcome));
    let fee = 43_672_675_108_907;
    let expected = [&[0x09, 0x78, 0x1a, 0xb7][..], &word(5), &word(fee)].concat();
    assert_eq!(output(&outcome).to_vec(), expected);
    assert!(is_halt(&bench.call(program, [])));
}

#[test]
fn a_call_of_an_active_program_costs_what_its_record_says() {
    let mut bench = Bench::new();
    let program = bench.program(WRITE_ARGS);
    let outcome = bench.send(program, [7; 4], 0);
    // 9184 + 34 + 11 to start; 15029 + 13440 + 41162 ink, rounded up to 7 gas.
    assert_eq!(gas(&outcome), intrinsic(&[7; 4]) + 9184 + 34 + 11 + 7);
    assert_eq!(output(&outcome)[..], [7; 4]);
}

#[test]
fn views_of_a_program() {
    let mut bench = Bench::new();
    let program = bench.program(WRITE_ARGS);
    let codehash = hash_of(&mut bench, program);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::stylusVersionCall {}), 2);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::codehashVersionCall { codehash }), 2);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::codehashAsmSizeCall { codehash }), 503 * 1024);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::programVersionCall { program }), 2);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::programMemoryFootprintCall { program }), 1);
    let init = ask(&mut bench, ARB_WASM, Wasm::programInitGasCall { program });
    assert_eq!((init.gas, init.gasWhenCached), (9184 + 34 + 11, 352 + 11));
    let left = ask(&mut bench, ARB_WASM, Wasm::programTimeLeftCall { program });
    assert!((364 * 86_400..=365 * 86_400).contains(&left));
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::inkPriceCall {}), 10_000);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::maxStackDepthCall {}), 22_000);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::pageRampCall {}), 620_674_314);
    let minimum = ask(&mut bench, ARB_WASM, Wasm::minInitGasCall {});
    assert_eq!((minimum.gas, minimum.cached), (8832, 352));
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::initCostScalarCall {}), 100);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::blockCacheSizeCall {}), 32);
    let unknown = Wasm::codehashVersionCall { codehash: B256::ZERO };
    let outcome = bench.call(ARB_WASM, unknown.abi_encode());
    assert_eq!(output(&outcome)[..], [0x6f, 0x80, 0x9c, 0x4e]);
}

#[test]
fn precompile_calls_cost_their_frame() {
    let mut bench = Bench::new();
    let used = |bench: &mut Bench, to, data: Vec<u8>| {
        let outcome = bench.call(to, data.clone());
        gas(&outcome) - intrinsic(&data)
    };
    let version = Wasm::stylusVersionCall {}.abi_encode();
    assert_eq!(used(&mut bench, ARB_WASM, version), 800 + 100 + 3);
    let codehash = B256::ZERO;
    // An error costs its one word instead of the result.
    let unknown = Wasm::codehashVersionCall { codehash }.abi_encode();
    assert_eq!(used(&mut bench, ARB_WASM, unknown), 800 + 3 + 900 + 3);
    let balance = Info::getBalanceCall { account: ALICE }.abi_encode();
    assert_eq!(used(&mut bench, INFO, balance), 800 + 3 + 700 + 3);
    let (sender, unused) = (ALICE, ALICE);
    let alias = Sys::mapL1SenderContractAddressToL2AliasCall { sender, unused }.abi_encode();
    assert_eq!(used(&mut bench, SYS, alias), 6 + 3);
}

#[test]
fn calls_that_are_not_allowed_take_all_gas() {
    let mut bench = Bench::new();
    let halts = |bench: &mut Bench, to, data: Vec<u8>| is_halt(&bench.call(to, data));
    assert!(halts(&mut bench, ARB_WASM, vec![1, 2, 3]));
    assert!(halts(&mut bench, ARB_WASM, vec![1, 2, 3, 4]));
    assert!(halts(&mut bench, ARB_WASM, Wasm::codehashVersionCall::SELECTOR.to_vec()));
    // Through EVM code: a write in a static call, a delegate call, value to a view.
    let view = Wasm::stylusVersionCall {}.abi_encode();
    let program = bench.put_wat(WRITE_ARGS);
    let write = Wasm::activateProgramCall { program }.abi_encode();
    let fixed = bench.put(forwarder(0xfa, ARB_WASM));
    let outcome = bench.call(fixed, write);
    assert!(is_revert(&outcome) && gas(&outcome) > 29_000_000);
    assert!(bench.call(fixed, view.clone()).result.is_success());
    let delegating = bench.put(forwarder(0xf4, ARB_WASM));
    assert!(is_revert(&bench.call(delegating, view.clone())));
    let calling = bench.put(forwarder(0xf1, ARB_WASM));
    assert!(bench.send(calling, view.clone(), 0).result.is_success());
    assert!(is_revert(&bench.send(calling, view, 1)));
}

#[test]
fn programs_can_call_precompiles() {
    let mut bench = Bench::new();
    let body = "(i32.store8 (i32.const 19) (i32.const 0x64)) (call $read_args (i32.const 64))
        (drop (call $static_call_contract (i32.const 0) (i32.const 64) (local.get $len)
            (i64.const -1) (i32.const 128)))
        (drop (call $read_return_data (i32.const 128) (i32.const 0) (i32.const 32)))
        (call $write_result (i32.const 128) (i32.const 32)) (i32.const 0)";
    let imports = ["read_args", "static_call_contract", "read_return_data", "write_result"];
    let program = bench.program(&module(&imports, 1, body));
    let outcome = bench.call(program, Sys::arbChainIDCall {}.abi_encode());
    assert_eq!(output(&outcome).to_vec(), word(412_346));
}

#[test]
fn system_owner_and_price_questions() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, SYS, Sys::arbBlockNumberCall {}), U256::ONE);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 51));
    let (sender, unused) = (Address::with_last_byte(1), ALICE);
    let alias =
        ask(&mut bench, SYS, Sys::mapL1SenderContractAddressToL2AliasCall { sender, unused });
    assert_eq!(alias, address!("1111000000000000000000000000000000001112"));
    assert!(ask(&mut bench, PUBLIC, Public::isChainOwnerCall { addr: ALICE }));
    assert_eq!(ask(&mut bench, PUBLIC, Public::getAllChainOwnersCall {}), [ALICE]);
    assert_eq!(ask(&mut bench, PUBLIC, Public::getNetworkFeeAccountCall {}), ALICE);
    let fragments = Public::getMaxStylusContractFragmentsCall {}.abi_encode();
    assert!(is_halt(&bench.call(PUBLIC, fragments)));
    let floor = U256::from(100_000_000);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getMinimumGasPriceCall {}), floor);
    let prices = ask(&mut bench, GAS_INFO, GasInfo::getPricesInWeiCall {});
    assert_eq!((prices._0, prices._5), (U256::ZERO, floor));
    assert_eq!(ask(&mut bench, INFO, Info::getCodeCall { account: ARB_WASM })[..], [0xfe]);
}

#[test]
fn owners_set_things_for_free_and_others_cannot() {
    let mut bench = Bench::new();
    let set = Owner::setInkPriceCall { price: 20_000 };
    let outcome = tell(&mut bench, OWNER, set.clone());
    assert_eq!(gas(&outcome), intrinsic(&set.abi_encode()));
    assert_eq!(outcome.result.logs().len(), 1);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::inkPriceCall {}), 20_000);
    assert!(is_revert(&bench.send(OWNER, Owner::setInkPriceCall { price: 0 }.abi_encode(), 0)));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(OWNER), set.abi_encode(), 0);
    tx.caller = MALLORY;
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx.clone(), devnet::vm::Mode::Call).unwrap();
    assert!(is_halt(&outcome));
    // On a debug chain everybody can become an owner.
    tx.kind = revm::primitives::TxKind::Call(DEBUG);
    tx.data = Debug::becomeChainOwnerCall {}.abi_encode().into();
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Call).unwrap();
    bench.db.commit(outcome.state);
    assert!(ask(&mut bench, PUBLIC, Public::isChainOwnerCall { addr: MALLORY }));
    let price = U256::from(7);
    tell(&mut bench, OWNER, Owner::setL1PricePerUnitCall { price });
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1BaseFeeEstimateCall {}), price);
}

#[test]
fn dearer_ink_leaves_prices_in_gas_alone() {
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setInkPriceCall { price: 20_000 });
    let body = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)";
    let program = bench.program(&module(&["storage_load_bytes32"], 1, body));
    let (_, trace) = bench.trace(program, []);
    // 2 gas for the API instead of 5.
    assert_eq!(trace.ink("storage_load_bytes32"), [18_480 + (2100 + 2) * 20_000]);
}

#[test]
fn code_can_be_overwritten_only_on_debug_chains() {
    let mut bench = Bench::new();
    let target = bench.put(vec![1, 2]);
    let new_code = Bytes::from_static(&[3]);
    let call = Debug::overwriteContractCodeCall { target, newCode: new_code };
    let outcome = tell(&mut bench, DEBUG, call.clone());
    let old = Debug::overwriteContractCodeCall::abi_decode_returns(&output(&outcome)).unwrap();
    assert_eq!(old[..], [1, 2]);
    assert_eq!(hash_of(&mut bench, target), keccak256([3]));
    let mut bench = Bench::with(VmConfig { debug: false, ..VmConfig::default() });
    // Nothing is there: a call of an empty account.
    assert!(output(&bench.send(DEBUG, call.abi_encode(), 0)).is_empty());
}

#[test]
fn cached_programs_start_cheaply() {
    let mut bench = Bench::new();
    let program = bench.program(WRITE_ARGS);
    let codehash = hash_of(&mut bench, program);
    let cost = |bench: &mut Bench| gas(&bench.send(program, [], 0)) - 21_000;
    let uncached = cost(&mut bench);
    let outcome = tell(&mut bench, CACHE, Cache::cacheProgramCall { program });
    assert_eq!(outcome.result.logs().len(), 1);
    assert!(ask(&mut bench, CACHE, Cache::codehashIsCachedCall { codehash }));
    assert_eq!(cost(&mut bench), uncached - 8832 - 34);
    // Again changes nothing.
    let outcome = tell(&mut bench, CACHE, Cache::cacheProgramCall { program });
    assert!(outcome.result.logs().is_empty());
    tell(&mut bench, CACHE, Cache::evictCodehashCall { codehash });
    assert_eq!(cost(&mut bench), uncached);
    // Managers may do the same, strangers lose their gas.
    let mut tx = bench.tx(
        revm::primitives::TxKind::Call(CACHE),
        Cache::cacheProgramCall { program }.abi_encode(),
        0,
    );
    tx.caller = MALLORY;
    let try_it = |bench: &mut Bench| {
        let mode = devnet::vm::Mode::Call;
        bench.vm.transact(&mut bench.db, &bench.block, tx.clone(), mode).unwrap()
    };
    assert!(is_halt(&try_it(&mut bench)));
    tell(&mut bench, OWNER, Owner::addWasmCacheManagerCall { manager: MALLORY });
    assert!(ask(&mut bench, CACHE, Cache::isCacheManagerCall { manager: MALLORY }));
    assert_eq!(ask(&mut bench, CACHE, Cache::allCacheManagersCall {}), [MALLORY]);
    assert!(try_it(&mut bench).result.is_success());
}

#[test]
fn programs_can_be_kept_alive_when_old_enough() {
    let mut bench = Bench::new();
    let program = bench.program(WRITE_ARGS);
    let codehash = hash_of(&mut bench, program);
    let data = Wasm::codehashKeepaliveCall { codehash }.abi_encode();
    let outcome = bench.send(ARB_WASM, data.clone(), ETHER);
    assert_eq!(output(&outcome)[..4], [0x16, 0xbd, 0x0c, 0xf8]);
    bench.next_block(40 * 86_400);
    let outcome = bench.send(ARB_WASM, data.clone(), ETHER);
    assert!(outcome.result.is_success(), "{outcome:?}");
    let body = 800 + 3 + 100 + 800 + 44_000 + 20_000 + 800 + 1381;
    assert_eq!(gas(&outcome), intrinsic(&data) + body);
    let left = ask(&mut bench, ARB_WASM, Wasm::programTimeLeftCall { program });
    assert!(left > 364 * 86_400);
}

#[test]
fn automatic_activation_needs_no_transaction() {
    let config = VmConfig { auto_activate: true, ..VmConfig::default() };
    let mut bench = Bench::with(config);
    let program = bench.put_wat(WRITE_ARGS);
    let outcome = bench.send(program, [7; 4], 0);
    assert_eq!(gas(&outcome), intrinsic(&[7; 4]) + 9184 + 34 + 11 + 7);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::programVersionCall { program }), 2);
    let bad = bench.put(compress_classic(b"\0asm\x01\0\0\0"));
    let text = bench.call(bad, []).error_text().unwrap();
    assert!(text.starts_with("program activation failed"), "{text}");
}

#[test]
fn upgrades_take_force_at_a_block() {
    let mut bench = Bench::new();
    let timestamp = 1_700_000_100;
    tell(&mut bench, OWNER, Owner::scheduleArbOSUpgradeCall { newVersion: 60, timestamp });
    assert!(bench.vm.begin_block(&mut bench.db, timestamp - 1, 0).unwrap().is_none());
    let state = bench.vm.begin_block(&mut bench.db, timestamp, 0).unwrap().unwrap();
    bench.db.commit(state);
    assert!(bench.vm.begin_block(&mut bench.db, timestamp, 0).unwrap().is_none());
    bench.next_block(100);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 60));
    assert_eq!(ask(&mut bench, PUBLIC, Public::getMaxStylusContractFragmentsCall {}), 2);
    tell(&mut bench, OWNER, Owner::scheduleArbOSUpgradeCall { newVersion: 99, timestamp: 0 });
    assert!(bench.vm.begin_block(&mut bench.db, timestamp, 0).is_err());
}

#[test]
fn from_version_60_a_block_remembers_what_ran() {
    for (arbos, saved) in [(51, 0), (60, 8832 + 34)] {
        let mut bench = Bench::at(arbos);
        let program = bench.program(WRITE_ARGS);
        let first = gas(&bench.send(program, [], 0));
        let second = gas(&bench.send(program, [], 0));
        assert_eq!(first - second, saved, "ArbOS {arbos}");
        bench.next_block(1);
        assert_eq!(gas(&bench.send(program, [], 0)), first);
    }
}

#[test]
fn from_version_60_programs_can_be_in_parts() {
    let mut bench = Bench::at(60);
    let wasm = wat::parse_str(WRITE_ARGS).unwrap();
    let packed = compress_classic(&wasm);
    let (left, right) = packed[4..].split_at(50);
    let fragment = |bytes: &[u8]| [&[0xEF, 0xF0, 0x01][..], bytes].concat();
    let left = bench.put(fragment(left));
    let right = bench.put(fragment(right));
    let mut root = vec![0xEF, 0xF0, 0x02, 0];
    root.extend((wasm.len() as u32).to_be_bytes());
    root.extend(left);
    root.extend(right);
    let program = bench.put(root.clone());
    let outcome = bench.activate(program);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(output(&bench.send(program, [4, 5], 0))[..], [4, 5]);
    // Fragments are not callable programs, and one alone is not a program.
    assert!(is_revert(&bench.activate(left)));
    assert!(is_halt(&bench.call(left, [])));
    root.truncate(28);
    let half = bench.put(root);
    assert!(is_revert(&bench.activate(half)));
}

#[test]
fn p256_is_there_at_its_price() {
    for (arbos, price) in [(40, 3450), (51, 6900)] {
        let mut bench = Bench::at(arbos);
        let outcome = bench.call(address!("0000000000000000000000000000000000000100"), [1]);
        assert_eq!(gas(&outcome), intrinsic(&[1]) + price, "ArbOS {arbos}");
    }
}

#[test]
fn opcodes_follow_arbitrum() {
    let mut bench = Bench::new();
    bench.block.l1_number = 5;
    // Returns the word an opcode pushes.
    let mut push = |opcode: u8| {
        let code = bench.put(vec![opcode, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
        bench.call(code, [])
    };
    assert_eq!(output(&push(0x43)).to_vec(), word(5));
    assert_eq!(output(&push(0x44)).to_vec(), word(1));
    assert_eq!(output(&push(0x46)).to_vec(), word(412_346));
    assert!(is_halt(&push(0x4a)));
}

#[test]
fn a_thousand_programs_deep() {
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setWasmFreePagesCall { pages: 2000 });
    let imports = ["contract_address", "call_contract", "read_return_data", "write_result"];
    let body = "(call $contract_address (i32.const 64))
        (drop (call $call_contract (i32.const 64) (i32.const 0) (i32.const 0) (i32.const 96)
            (i64.const -1) (i32.const 200)))
        (drop (call $read_return_data (i32.const 0) (i32.const 0) (i32.const 4)))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (call $write_result (i32.const 0) (i32.const 4)) (i32.const 0)";
    let program = bench.program(&module(&imports, 1, body));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 0);
    tx.gas_limit = 1 << 44;
    tx.gas_price = 0;
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Call).unwrap();
    let depth = u32::from_le_bytes(output(&outcome)[..4].try_into().unwrap());
    assert_eq!(depth, 1025);
    assert_eq!(prices().host_names().count(), 42);
}

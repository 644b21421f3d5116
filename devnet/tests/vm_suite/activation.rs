//! Activation to the unit, what is known about a program, caching and keeping alive.

use alloy::sol_types::{SolCall, SolEvent};
use devnet::{stylus::code::compress_classic, vm::VmConfig};
use revm::primitives::{B256, U256};

use super::{abi::*, support::*};

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
    // Ages count from the full hour, so up to an hour is lost.
    let now = 1_700_000_000u64;
    let hour = (now - 1_421_388_000) / 3600 * 3600 + 1_421_388_000;
    let left = ask(&mut bench, ARB_WASM, Wasm::programTimeLeftCall { program });
    assert_eq!(left, 365 * 86_400 - (now - hour));
    bench.next_block(left - 1);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::programTimeLeftCall { program }), 1);
    bench.next_block(1);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::programTimeLeftCall { program }), 0);
    assert!(bench.call(program, []).result.is_success());
    bench.next_block(1);
    let expired = bench.call(ARB_WASM, Wasm::programTimeLeftCall { program }.abi_encode());
    let age = [&[0xc9, 0xb1, 0x2e, 0x52][..], &word(365 * 86_400 + 1)].concat();
    assert_eq!(output(&expired).to_vec(), age);
    bench.activate(program);
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
fn the_data_fee_rises_with_demand_and_falls_with_time() {
    let mut bench = Bench::new();
    // Modules of 187, 188 and 189 bytes: one function, two types, so estimates of
    // 512000 + 996 + 22 + floor(length x 6.2628) bytes.
    let longer = |nops: usize| {
        WRITE_ARGS.replace("(i32.const 0)))", &format!("{}(i32.const 0)))", "nop ".repeat(nops)))
    };
    let mut fee = |wait: u64, nops: usize| {
        bench.next_block(wait);
        let program = bench.put_wat(&longer(nops));
        let outcome = bench.activate(program);
        Wasm::activateProgramCall::abi_decode_returns(&output(&outcome)).unwrap().dataFee
    };
    // Demand 514189, exponent 240, multiplier 1.0242.
    assert_eq!(fee(0, 0), U256::from(43_672_675_108_907u64));
    // Demand 514189 + 514195: exponent 481, multiplier 1.0492.
    assert_eq!(fee(0, 1), U256::from(44_739_216_364_260u64));
    // Ten seconds take 348650 away: demand 1193935, exponent 558, multiplier 1.0573.
    assert_eq!(fee(10, 2), U256::from(45_085_136_481_186u64));
}

#[test]
fn fragments_are_paid_for_and_looked_at_with_care() {
    let mut bench = Bench::at(60);
    let wasm = wat::parse_str(WRITE_ARGS).unwrap();
    let packed = compress_classic(&wasm)[4..].to_vec();
    let mut fragment = |bytes: &[u8]| bench.put([&[0xEF, 0xF0, 0x01][..], bytes].concat());
    let (left, right, nothing) = (fragment(&packed[..40]), fragment(&packed[40..]), fragment(&[0]));
    let root = |length: usize, fragments: &[revm::primitives::Address]| {
        let mut code = vec![0xEF, 0xF0, 0x02, 0];
        code.extend((length as u32).to_be_bytes());
        code.extend(fragments.concat());
        code
    };
    let words = |bytes: usize| 3 * (bytes as u64 + 3).div_ceil(32);
    let read = 2 * 2600 + words(40) + words(packed.len() - 40);
    let program = bench.put(root(wasm.len(), &[left, right]));
    let data = Wasm::activateProgramCall { program }.abi_encode();
    let all = intrinsic(&data) + 1_748_626 + read + 64_624;
    // Just enough for a full fragment before each is read, but not for the rest: all is gone.
    let mut tx = bench.tx(revm::primitives::TxKind::Call(ARB_WASM), data.clone(), ETHER);
    tx.gas_limit = all - 1;
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Transaction).unwrap();
    assert!(is_halt(&outcome), "{outcome:?}");
    let outcome = bench.activate(program);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(gas(&outcome), all);
    assert_eq!(output(&bench.send(program, [1, 2], 0))[..], [1, 2]);

    let refused = [
        root(wasm.len(), &[]),
        root(wasm.len(), &[left]),
        root(wasm.len() + 1, &[left, right]),
        root(wasm.len() - 1, &[left, right]),
        root(131_073, &[left, right]),
        root(wasm.len(), &[right, left]),
        root(wasm.len(), &[left, right, nothing]),
        root(wasm.len(), &[left, program]),
        [root(wasm.len(), &[left, right]), vec![0]].concat(),
    ];
    for code in refused {
        let program = bench.put(code.clone());
        let outcome = bench.activate(program);
        assert!(is_revert(&outcome) && output(&outcome).is_empty(), "{code:?}");
    }
    // Three parts are fine when an owner says so; what follows the stream is ignored.
    tell(&mut bench, OWNER, Owner::setMaxStylusContractFragmentsCall { maxFragments: 3 });
    let program = bench.put(root(wasm.len(), &[left, right, nothing]));
    assert!(bench.activate(program).result.is_success());
}

#[test]
fn activation_itself_can_be_made_dearer() {
    let mut bench = Bench::at(60);
    tell(&mut bench, OWNER, Owner::setWasmActivationGasCall { gas: 1000 });
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::activationGasCall {}), 1000);
    let program = bench.put_wat(WRITE_ARGS);
    let data = Wasm::activateProgramCall { program }.abi_encode();
    let outcome = bench.activate(program);
    assert_eq!(gas(&outcome), intrinsic(&data) + 1_748_626 + 1000 + 64_624);
}

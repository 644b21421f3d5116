//! What differs between the ArbOS versions, version by version.

use alloy::sol_types::SolCall;
use devnet::stylus::code::compress_classic;
use revm::{
    context_interface::transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
    primitives::{Address, TxKind, U256},
};

use super::{abi::*, support::*};

/// Two results, which the newest version refuses.
const MULTI_VALUE: &str = r#"(module (memory (export "memory") 1 1)
    (func $two (result i32 i32) i32.const 1 i32.const 1)
    (func (export "user_entrypoint") (param i32) (result i32) call $two i32.sub))"#;

/// One version's facts.
struct Version {
    arbos: u64,
    stack: u32,
    p256: u64,
    /// MODEXP at its least.
    modexp: u64,
    /// Gas in sight of a transaction that brings 100 million.
    gas_limit: u64,
    /// Running out of gas in a flush reverts and keeps the gas.
    flush_reverts: bool,
    /// The empty code of an account is remembered.
    keeps_empty_code: bool,
    /// Prague: accounts can delegate. Osaka: CLZ and the BLS precompiles.
    prague: bool,
    osaka: bool,
    multi_value: bool,
}

const VERSIONS: [Version; 4] = [
    Version {
        arbos: 32,
        stack: 262_144,
        p256: 3450,
        modexp: 200,
        gas_limit: 100_000_000,
        flush_reverts: true,
        keeps_empty_code: true,
        prague: false,
        osaka: false,
        multi_value: true,
    },
    Version {
        arbos: 40,
        stack: 262_144,
        p256: 3450,
        modexp: 200,
        gas_limit: 100_000_000,
        flush_reverts: true,
        keeps_empty_code: false,
        prague: true,
        osaka: false,
        multi_value: true,
    },
    Version {
        arbos: 51,
        stack: 22_000,
        p256: 6900,
        modexp: 500,
        gas_limit: 32_000_000,
        flush_reverts: false,
        keeps_empty_code: false,
        prague: true,
        osaka: true,
        multi_value: true,
    },
    Version {
        arbos: 60,
        stack: 22_000,
        p256: 6900,
        modexp: 500,
        gas_limit: 32_000_000,
        flush_reverts: false,
        keeps_empty_code: false,
        prague: true,
        osaka: true,
        multi_value: false,
    },
];

fn each(check: impl Fn(&Version, &mut Bench)) {
    for version in &VERSIONS {
        check(version, &mut Bench::at(version.arbos));
    }
}

#[test]
fn parameters_and_prices() {
    each(|version, bench| {
        let arbos = version.arbos;
        assert_eq!(ask(bench, ARB_WASM, Wasm::maxStackDepthCall {}), version.stack, "{arbos}");
        assert_eq!(ask(bench, ARB_WASM, Wasm::stylusVersionCall {}), 2, "{arbos}");
        let osversion = U256::from(55 + arbos);
        assert_eq!(ask(bench, SYS, Sys::arbOSVersionCall {}), osversion);
        for (precompile, price) in [(0x100u64, version.p256), (5, version.modexp)] {
            let to = Address::from_word(U256::from(precompile).into());
            assert_eq!(gas(&bench.call(to, [])), 21_000 + price, "{arbos}: {precompile:#x}");
        }
    });
}

#[test]
fn fork_rules() {
    each(|version, bench| {
        let arbos = version.arbos;
        // PUSH1 1, CLZ, and the word returned.
        let clz = [&[0x60, 0x01, 0x1e], &pushes(0)[1..]].concat();
        let clz = bench.put(clz);
        assert_eq!(bench.call(clz, []).result.is_success(), version.osaka, "CLZ at {arbos}");
        // Adding nothing on BLS12-381 is an error, unless nobody is there.
        let bls = bench.call(Address::with_last_byte(0x0b), []);
        assert_eq!(is_halt(&bls), version.osaka, "BLS at {arbos}");
        let token = Address::repeat_byte(7);
        let auth = Authorization { chain_id: U256::from(412_346), address: token, nonce: 0 };
        let carol = RecoveredAuthority::Valid(Address::repeat_byte(0xca));
        let auth = RecoveredAuthorization::new_unchecked(auth, carol);
        let mut tx = bench.tx(TxKind::Call(token), vec![], 0);
        tx.authorization_list = vec![revm::context::either::Either::Right(auth)];
        tx.gas_priority_fee = Some(0);
        tx.tx_type = 4;
        let outcome =
            bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Transaction);
        assert_eq!(outcome.is_ok(), version.prague, "delegation at {arbos}");
    });
}

#[test]
fn gas_in_sight() {
    each(|version, bench| {
        let code = bench.put(pushes(0x5a));
        let mut tx = bench.tx(TxKind::Call(code), vec![], 0);
        tx.gas_limit = 100_000_000;
        let shown = U256::from_be_slice(&output(&bench.run(tx)));
        assert_eq!(shown, U256::from(version.gas_limit - 21_000 - 2), "{}", version.arbos);
    });
}

#[test]
fn flushing_without_the_gas() {
    each(|version, bench| {
        let body = "(i32.store8 (i32.const 63) (i32.const 1))
            (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
            (call $storage_flush_cache (i32.const 0)) (i32.const 0)";
        let imports = ["storage_cache_bytes32", "storage_flush_cache"];
        let program = bench.program(&module(&imports, 1, body));
        let mut tx = bench.tx(TxKind::Call(program), vec![], 0);
        // Enough to start and for the 2300 that a flush needs, not for the 22100 it costs.
        tx.gas_limit = 21_000 + 9400 + 12_000;
        let outcome = bench.run(tx);
        assert_eq!(is_revert(&outcome), version.flush_reverts, "{}: {outcome:?}", version.arbos);
        let all = gas(&outcome) == 21_000 + 9400 + 12_000;
        assert_eq!(all, !version.flush_reverts, "{}: {outcome:?}", version.arbos);
    });
}

#[test]
fn the_code_of_nobody() {
    each(|version, bench| {
        let once = "(drop (call $account_code_size (i32.const 0)))";
        let body =
            format!("(i32.store8 (i32.const 19) (i32.const 0xcd)) {once} {once} i32.const 0");
        let program = bench.program(&module(&["account_code_size"], 1, &body));
        let (_, trace) = bench.trace(program, []);
        // 68073, and 700 for code with 2600 cold or 100 warm.
        let again = if version.keeps_empty_code { 68_073 } else { 68_073 + 800 * 10_000 };
        let expected = [68_073 + 3300 * 10_000, again];
        assert_eq!(trace.ink("account_code_size"), expected, "{}", version.arbos);
    });
}

#[test]
fn two_results() {
    each(|version, bench| {
        let program = bench.put_wat(MULTI_VALUE);
        let outcome = bench.activate(program);
        assert_eq!(outcome.result.is_success(), version.multi_value, "{}", version.arbos);
        assert_eq!(bench.call(program, []).result.is_success(), version.multi_value);
    });
}

#[test]
fn methods_and_precompiles_appear_with_their_version() {
    let from = [
        (PUBLIC, "isCalldataPriceIncreaseEnabled()", 40),
        (PUBLIC, "getAllNativeTokenOwners()", 41),
        (PUBLIC, "getParentGasFloorPerToken()", 50),
        (GAS_INFO, "getMaxTxGasLimit()", 50),
        (GAS_INFO, "getMaxBlockGasLimit()", 50),
        (PUBLIC, "getMaxStylusContractFragments()", 60),
        (ARB_WASM, "activationGas()", 60),
        (ARB_WASM, "minInitGas()", 32),
    ];
    each(|version, bench| {
        for (to, method, since) in from {
            let selector = &revm::primitives::keccak256(method)[..4];
            let outcome = bench.call(to, selector);
            assert_eq!(outcome.result.is_success(), version.arbos >= since, "{method}");
            if version.arbos < since {
                assert_eq!(gas(&outcome), 30_000_000, "{method} at {}", version.arbos);
            }
        }
        for (last, since) in [(0x73, 41), (0x74, 60)] {
            // Not there yet: an empty account. There: an unknown method takes everything.
            let outcome = bench.call(Address::with_last_byte(last), []);
            assert_eq!(is_halt(&outcome), version.arbos >= since, "{last:#x}");
            assert!(output(&outcome).is_empty());
        }
        let set_size = Owner::setWasmMaxSizeCall { size: 100 }.abi_encode();
        let accepted = bench.send(OWNER, set_size, 0).result.is_success();
        assert_eq!(accepted, version.arbos >= 40);
        // 187 bytes are too many then.
        let program = bench.put_wat(WRITE_ARGS);
        let outcome = bench.activate(program);
        assert_eq!(is_revert(&outcome), accepted, "{outcome:?}");
        assert!(output(&outcome).is_empty() || !accepted);
    });
}

#[test]
fn a_running_chain_becomes_newer() {
    let mut bench = Bench::at(40);
    let program = bench.program(MULTI_VALUE);
    let schedule = Owner::scheduleArbOSUpgradeCall { newVersion: 51, timestamp: 0 };
    tell(&mut bench, OWNER, schedule);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::maxStackDepthCall {}), 262_144);
    bench.begin_block(1);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::maxStackDepthCall {}), 22_000);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 51));
    // An owner's own depth below the bound stays.
    tell(&mut bench, OWNER, Owner::setWasmMaxStackDepthCall { depth: 10_000 });

    let due = bench.block.env.timestamp.to::<u64>() + 100;
    let schedule = Owner::scheduleArbOSUpgradeCall { newVersion: 60, timestamp: due };
    tell(&mut bench, OWNER, schedule);
    let answer = ask(&mut bench, PUBLIC, Public::getScheduledUpgradeCall {});
    assert_eq!((answer.arbosVersion, answer.scheduledForTimestamp), (60, due));
    bench.begin_block(99);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 51));
    bench.begin_block(1);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 60));
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::maxStackDepthCall {}), 10_000);
    assert_eq!(ask(&mut bench, PUBLIC, Public::getMaxStylusContractFragmentsCall {}), 2);
    let answer = ask(&mut bench, PUBLIC, Public::getScheduledUpgradeCall {});
    assert_eq!((answer.arbosVersion, answer.scheduledForTimestamp), (0, 0));
    // What is active stays so, though it could not be activated any more.
    assert!(bench.send(program, [], 0).result.is_success());
    assert!(is_halt(&bench.call(Address::with_last_byte(0x74), [])));
    // A version that the node does not know would stop the chain.
    let schedule = Owner::scheduleArbOSUpgradeCall { newVersion: 61, timestamp: 0 };
    assert!(is_revert(&bench.send(OWNER, schedule.abi_encode(), 0)));
}

#[test]
fn programs_outlive_a_smaller_size_limit() {
    let mut bench = Bench::new();
    let program = bench.program(&module(&[], 1, "(i32.const 0) (; outlives ;)"));
    tell(&mut bench, OWNER, Owner::setWasmMaxSizeCall { size: 1 });
    assert!(bench.send(program, [], 0).result.is_success());
    // However much an owner allows, no more is unpacked than could be activated.
    tell(&mut bench, OWNER, Owner::setWasmMaxSizeCall { size: u32::MAX });
    let bomb = bench.put(compress_classic(&vec![0; 8 << 20]));
    let outcome = bench.activate(bomb);
    assert!(is_revert(&outcome), "{outcome:?}");
}

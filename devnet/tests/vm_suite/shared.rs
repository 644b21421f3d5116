//! What EVM code and programs share within a transaction: warmth, transient storage, refunds,
//! the acting account.

use revm::{
    Database,
    bytecode::Bytecode,
    primitives::{Address, U256},
    state::AccountInfo,
};

use super::support::*;

const GAS: u64 = 10_000;

/// EVM code that runs `first` and then delegates to `to` with its calldata.
fn then_delegate(first: &[u8], to: Address) -> Vec<u8> {
    // The jump target of the forwarder moves with its start.
    let mut code = [first, &forwarder(0xf4, to)].concat();
    let target = code.len() - 8 + 1;
    code[target] += first.len() as u8;
    code
}

#[test]
fn slots_and_accounts_warmed_by_evm_code_are_warm_for_programs() {
    let somebody = Address::repeat_byte(0x55);
    let body = format!(
        "{} (call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (call $account_balance (i32.const 64) (i32.const 96)) i32.const 0",
        poke(64, somebody.as_slice())
    );
    let mut bench = Bench::new();
    let imports = ["storage_load_bytes32", "account_balance"];
    let program = bench.program(&module(&imports, 1, &body));
    // PUSH0 SLOAD POP, PUSH20 somebody BALANCE POP
    let mut warm = vec![0x5f, 0x54, 0x50, 0x73];
    warm.extend(somebody);
    warm.extend([0x31, 0x50]);
    for (first, slot, account) in [(vec![], 2105, 2600), (warm, 105, 100)] {
        let proxy = bench.put(then_delegate(&first, program));
        let (outcome, trace) = bench.trace(proxy, []);
        assert!(outcome.result.is_success(), "{outcome:?}");
        assert_eq!(trace.ink("storage_load_bytes32"), [18_480 + slot * GAS]);
        assert_eq!(trace.ink("account_balance"), [78_153 + account * GAS]);
    }
}

#[test]
fn slots_and_accounts_warmed_by_programs_are_warm_for_evm_code() {
    // Returns what an SLOAD of slot 0 costs: PUSH0 2, SLOAD, POP 2, GAS 2.
    let measure = [0x5a, 0x5f, 0x54, 0x50, 0x5a, 0x90, 0x03, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let mut bench = Bench::new();
    let measures = bench.put(measure.to_vec());
    let delegate = |before: &str| {
        let body = format!(
            "{before} {} (drop (call $delegate_call_contract (i32.const 64) (i32.const 0)
                (i32.const 0) (i64.const -1) (i32.const 96)))
            (drop (call $read_return_data (i32.const 128) (i32.const 0) (i32.const 32)))
            (call $write_result (i32.const 128) (i32.const 32)) i32.const 0",
            poke(64, measures.as_slice())
        );
        let imports = [
            "storage_load_bytes32",
            "storage_cache_bytes32",
            "storage_flush_cache",
            "delegate_call_contract",
            "read_return_data",
            "write_result",
        ];
        module(&imports, 1, &body)
    };
    let load = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))";
    let store = "(call $storage_cache_bytes32 (i32.const 0) (i32.const 0))
        (call $storage_flush_cache (i32.const 0))";
    let cached = "(call $storage_cache_bytes32 (i32.const 0) (i32.const 0))";
    for (before, cost) in [("", 2100), (load, 100), (store, 100), (cached, 2100)] {
        let program = bench.program(&delegate(before));
        assert_eq!(output(&bench.send(program, [], 0)).to_vec(), word(cost + 6), "{before}");
    }
}

#[test]
fn transient_storage_is_the_accounts_whoever_runs() {
    let body = "(call $transient_load_bytes32 (i32.const 0) (i32.const 32))
        (call $write_result (i32.const 32) (i32.const 32)) i32.const 0";
    let mut bench = Bench::new();
    let program = bench.program(&module(&["transient_load_bytes32", "write_result"], 1, body));
    // PUSH1 42 PUSH0 TSTORE
    let proxy = bench.put(then_delegate(&[0x60, 42, 0x5f, 0x5d], program));
    assert_eq!(output(&bench.send(proxy, [], 0)).to_vec(), word(42));
    // A plain call has its own.
    assert_eq!(output(&bench.send(program, [], 0)).to_vec(), word(0));
}

#[test]
fn refunds_are_capped_and_those_of_failed_frames_are_lost() {
    let mut bench = Bench::new();
    // Slots 1 to n (calldata byte 0) are set to the value in calldata byte 1.
    let body = "(call $read_args (i32.const 512))
        (i32.store8 (i32.const 63) (i32.load8_u (i32.const 513)))
        (loop $l
            (i32.store8 (i32.const 31) (i32.load8_u (i32.const 512)))
            (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
            (i32.store8 (i32.const 512) (i32.sub (i32.load8_u (i32.const 512)) (i32.const 1)))
            (br_if $l (i32.load8_u (i32.const 512))))
        (call $storage_flush_cache (i32.const 0))
        (i32.load8_u (i32.const 514))";
    let imports = ["read_args", "storage_cache_bytes32", "storage_flush_cache"];
    let program = bench.program(&module(&imports, 1, body));
    assert!(bench.send(program, [20, 1, 0], 0).result.is_success());
    // The last byte makes the frame fail: the slots are cleared for nothing.
    let outcome = bench.send(program, [20, 0, 1], 0);
    assert!(is_revert(&outcome));
    assert_eq!(outcome.result.gas().inner_refunded(), 0);
    let outcome = bench.send(program, [20, 0, 0], 0);
    let spent = outcome.result.gas().total_gas_spent();
    // 20 x 4800 is more than a fifth of some 130000.
    assert_eq!(outcome.result.gas().inner_refunded(), spent / 5);
    assert_eq!(gas(&outcome), spent - spent / 5);
}

#[test]
fn a_delegated_account_runs_the_program_for_evm_callers_too() {
    let mut bench = Bench::new();
    let body = "(call $contract_address (i32.const 0)) (call $msg_sender (i32.const 20))
        (call $account_codehash (i32.const 0) (i32.const 40))
        (i32.store (i32.const 72) (call $account_code_size (i32.const 0)))
        (call $write_result (i32.const 0) (i32.const 76)) i32.const 0";
    let imports =
        ["contract_address", "msg_sender", "account_codehash", "account_code_size", "write_result"];
    let program = bench.program(&module(&imports, 1, body));
    let authority = Address::repeat_byte(0xca);
    let code = Bytecode::new_eip7702(program);
    let designator = code.hash_slow();
    bench.db.insert_account_info(authority, AccountInfo::default().with_code(code));
    let through = bench.put(forwarder(0xf1, authority));
    for (to, caller) in [(authority, ALICE), (through, through)] {
        let found = output(&bench.send(to, [], 0));
        // The authority acts; its own code is the 23 bytes that name the program.
        let expected = [
            authority.to_vec(),
            caller.to_vec(),
            designator.to_vec(),
            23u32.to_le_bytes().to_vec(),
        ];
        assert_eq!(found.to_vec(), expected.concat());
    }
    // Activation, cache and expiry are those of the program's code.
    bench.next_block(366 * 86_400);
    assert_eq!(gas(&bench.call(authority, [])), 30_000_000);
    bench.activate(program);
    assert!(bench.call(authority, []).result.is_success());
}

#[test]
fn refused_destruction_has_paid_for_its_beneficiary() {
    let mut bench = Bench::new();
    let nobody = Address::repeat_byte(0x66);
    for (beneficiary, wei, extra) in [(ALICE, 0, 0), (nobody, 0, 2600), (nobody, 1, 2600 + 25_000)]
    {
        let mut code = vec![0x73];
        code.extend(beneficiary);
        code.push(0xff);
        let destroyer = bench.put(code);
        let body = format!(
            "{} (drop (call $delegate_call_contract (i32.const 64) (i32.const 0) (i32.const 0)
                (i64.const -1) (i32.const 96))) i32.const 0",
            poke(64, destroyer.as_slice())
        );
        let program = bench.program(&module(&["delegate_call_contract"], 1, &body));
        let (outcome, trace) = bench.trace_value(program, [], wei);
        assert!(outcome.result.is_success(), "{outcome:?}");
        // PUSH20 3, SELFDESTRUCT 5000; the rest comes back because it is a revert.
        let expected = 83_193 + 2 * 16_381 + (2600 + 3 + 5000 + extra) * GAS;
        assert_eq!(trace.ink("delegate_call_contract"), [expected], "{beneficiary} {wei}");
        assert_eq!(bench.balance(program), U256::from(wei));
        assert!(bench.db.basic(program).unwrap().is_some());
    }
}

//! Where Stylus differs from what one would expect, by the number the differences are known by.
//! The ninth and the fourteenth are about modules and stand there.

use alloy::sol_types::SolCall;
use devnet::stylus::prices::prices;
use revm::primitives::{Address, TxKind, U256};

use super::{abi::*, support::*};

const GAS: u64 = 10_000;
/// Ink of a call without data before any gas: its base, and twice reading nothing.
const CALL: u64 = 83_193 + 2 * 16_381;

/// A program that runs `body` with the call imported, and the ink of each of its calls.
fn calls(bench: &mut Bench, body: &str, wei: u64) -> Vec<u64> {
    let program = bench.program(&module(&["call_contract"], 1, &format!("{body} i32.const 0")));
    let (outcome, trace) = bench.trace_value(program, [], wei);
    assert!(outcome.result.is_success(), "{outcome:?}");
    trace.ink("call_contract")
}

fn empty() -> String {
    module(&[], 1, "i32.const 0")
}

/// Gas of starting a program, uncached.
fn start(bench: &mut Bench, program: Address) -> u64 {
    ask(bench, ARB_WASM, Wasm::programInitGasCall { program }).gas
}

#[test]
fn quirk_01_what_is_not_active_eats_all_gas_and_what_traps_only_reverts() {
    let mut bench = Bench::new();
    let program = bench.put_wat(&module(&[], 1, "unreachable"));
    assert_eq!(gas(&bench.call(program, [])), 30_000_000);
    bench.activate(program);
    let trapped = bench.call(program, []);
    assert!(is_revert(&trapped) && gas(&trapped) < 31_000);
    bench.next_block(366 * 86_400);
    assert_eq!(gas(&bench.call(program, [])), 30_000_000);
}

#[test]
fn quirk_02_reads_need_the_cold_price_in_hand() {
    // The second read costs 18480 or 1078153 ink, but wants 2115 or 2600 gas to be there.
    let reads = [
        ("storage_load_bytes32", "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))", 2115),
        ("account_balance", "(call $account_balance (i32.const 0) (i32.const 32))", 2600),
    ];
    for (name, read, need) in reads {
        let mut bench = Bench::new();
        let body = format!("{read} {read} i32.const 0");
        let program = bench.program(&module(&[name], 1, &body));
        let (outcome, trace) = bench.trace(program, []);
        let used = gas(&outcome);
        let second = trace.events.iter().filter(|event| event.name == name).nth(1).unwrap();
        let base = prices().host_base(name);
        // Gas that was left after the base of the second read, beyond what is needed.
        let spare = (second.start_ink - base) / GAS - need;
        for (less, fits) in [(spare, true), (spare + 1, false)] {
            let mut tx = bench.tx(TxKind::Call(program), vec![], 0);
            tx.gas_limit = 30_000_000 - less;
            let outcome =
                bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Transaction);
            let outcome = outcome.unwrap();
            assert_eq!(outcome.result.is_success(), fits, "{name}, {less} of {used} less");
        }
    }
}

#[test]
fn quirk_03_the_64th_is_rounded_up_and_the_stipend_is_no_gift() {
    let mut bench = Bench::new();
    let shows_gas = bench.put(pushes(0x5a));
    let body = format!(
        "(drop {}) (drop (call $read_return_data (i32.const 0) (i32.const 0) (i32.const 32)))
        (call $write_result (i32.const 0) (i32.const 32)) i32.const 0",
        call_wat(shows_gas, 0)
    );
    let imports = ["call_contract", "read_return_data", "write_result"];
    let program = bench.program(&module(&imports, 1, &body));
    let mut differs = false;
    for less in 0..3 {
        let mut tx = bench.tx(TxKind::Call(program), vec![], 0);
        tx.gas_limit -= less;
        let mut trace = Trace::default();
        let mode = devnet::vm::Mode::Transaction;
        let outcome = bench.vm.inspect(&mut bench.db, &bench.block, tx, mode, &mut trace).unwrap();
        let call = trace.events.iter().find(|event| event.name == "call_contract").unwrap();
        let left = (call.start_ink - CALL) / GAS - 2600;
        // The callee has used 2 gas when it looks.
        let shown = U256::from_be_slice(&output(&outcome)) + U256::from(2);
        assert_eq!(shown, U256::from(left * 63 / 64), "{less} less");
        differs |= left * 63 / 64 != left - left / 64;
    }
    assert!(differs, "the EVM's rule would give the same");
    // 2600 for the account, 9000 for the value; nothing of the 2300 comes back.
    let idle = bench.put(vec![0x00]);
    let ink = calls(&mut bench, &format!("(drop {})", call_wat(idle, 1)), 1);
    assert_eq!(ink, [CALL + (2600 + 9000) * GAS]);
}

#[test]
fn quirk_04_a_call_without_its_base_takes_all_and_goes_on() {
    // 36600 gas for value to a new account, and there are 20000. What is left is less than one
    // gas, but may be enough for the last block: 2450 + 1 (const) + 170 (ne) + 1 (end).
    let nobody = Address::repeat_byte(0x99);
    let mut went_on = 0;
    for pad in 0..4 {
        let mut bench = Bench::new();
        let pads = "(drop (i32.popcnt (i32.const 0)))".repeat(pad);
        let body = format!("{pads} {} (i32.const 2) i32.ne", call_wat(nobody, 1));
        let program = bench.program(&module(&["call_contract"], 1, &body));
        let limit = 21_000 + 9400 + 20_000;
        let mut tx = bench.tx(TxKind::Call(program), vec![], 1);
        tx.gas_limit = limit;
        let mut trace = Trace::default();
        let mode = devnet::vm::Mode::Transaction;
        let outcome = bench.vm.inspect(&mut bench.db, &bench.block, tx, mode, &mut trace).unwrap();
        let call = trace.events.iter().find(|event| event.name == "call_contract").unwrap();
        assert_eq!(call.end_ink, (call.start_ink - CALL) % GAS);
        assert_eq!(outcome.result.is_success(), call.end_ink >= 2622, "{outcome:?}");
        assert_eq!(gas(&outcome), limit);
        went_on += usize::from(outcome.result.is_success());
    }
    assert!(went_on > 0, "no padding left enough ink");

    let mut bench = Bench::new();
    let body = "(call $create1 (i32.const 0) (i32.const 0) (i32.const 32) (i32.const 64)
        (i32.const 96)) i32.const 0";
    let program = bench.program(&module(&["create1"], 1, body));
    let mut tx = bench.tx(TxKind::Call(program), vec![], 0);
    tx.gas_limit = 21_000 + 9400 + 20_000;
    let outcome = bench.run(tx);
    assert!(is_revert(&outcome) && gas(&outcome) < 31_000, "{outcome:?}");
}

#[test]
fn quirk_05_init_code_costs_nothing_by_itself_and_may_be_long() {
    let mut bench = Bench::new();
    // 60000 bytes, more than the 49152 that transactions may bring; the first one stops.
    let body = "(call $create1 (i32.const 0) (i32.const 60000) (i32.const 65000)
        (i32.const 65100) (i32.const 65200)) (i32.eqz (i64.ne (i64.load (i32.const 65100))
        (i64.const 0)))";
    let program = bench.program(&module(&["create1"], 1, body));
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    let read = 16_381 + 55 * (60_000 - 32);
    assert_eq!(trace.ink("create1"), [83_193 + 2 * read + 32_000 * GAS]);
}

#[test]
fn quirk_05_resolving_a_delegation_is_free() {
    let mut bench = Bench::new();
    let idle = bench.put(vec![0x00]);
    let delegating = Address::repeat_byte(0xde);
    let code = revm::bytecode::Bytecode::new_eip7702(idle);
    let info = revm::state::AccountInfo::default().with_code(code);
    bench.db.insert_account_info(delegating, info);
    let twice = format!("(drop {}) (drop {})", call_wat(delegating, 0), call_wat(idle, 0));
    // The delegate is still cold afterwards.
    assert_eq!(calls(&mut bench, &twice, 0), [CALL + 2600 * GAS, CALL + 2600 * GAS]);
}

#[test]
fn quirk_06_programs_see_the_tip() {
    let mut bench = Bench::new();
    let body = "(call $tx_gas_price (i32.const 0))
        (call $write_result (i32.const 0) (i32.const 32)) i32.const 0";
    let program = bench.program(&module(&["tx_gas_price", "write_result"], 1, body));
    let contract = bench.put(pushes(0x3a));
    for (to, price) in [(program, 500_000_000), (contract, 100_000_000)] {
        let mut tx = bench.tx(TxKind::Call(to), vec![], 0);
        tx.gas_price = 500_000_000;
        assert_eq!(output(&bench.run(tx)).to_vec(), word(price));
    }
}

#[test]
fn quirk_07_the_block_number_is_the_parent_chains() {
    for l1_number in [0, 77] {
        let mut bench = Bench::new();
        bench.next_block(1);
        bench.block.l1_number = l1_number;
        let body = "(i64.store (i32.const 0) (call $block_number))
            (call $write_result (i32.const 0) (i32.const 8)) i32.const 0";
        let program = bench.program(&module(&["block_number", "write_result"], 1, body));
        assert_eq!(output(&bench.call(program, [])).to_vec(), l1_number.to_le_bytes());
        let contract = bench.put(pushes(0x43));
        assert_eq!(output(&bench.call(contract, [])).to_vec(), word(l1_number));
        assert_eq!(ask(&mut bench, SYS, Sys::arbBlockNumberCall {}), U256::from(2));
    }
}

#[test]
fn quirk_08_reverts_do_not_undo_pages() {
    let mut bench = Bench::new();
    let big = bench.program(&module(&[], 10, "i32.const 0"));
    let grower = |pages: u32| {
        format!(
            r#"(module (import "vm_hooks" "pay_for_memory_grow" (func $pay (param i32)))
                (memory (export "memory") 0)
                (func (export "user_entrypoint") (param i32) (result i32)
                    (call $pay (i32.const {pages})) unreachable))"#
        )
    };
    let table = prices().memory_exponents();
    let alone = calls(&mut bench, &format!("(drop {})", call_wat(big, 0)), 0)[0];
    // One page is open, ten come: nine above the free two.
    let base = CALL + (2600 + start(&mut bench, big) + 1 + 9 * 1000) * GAS;
    assert_eq!(alone, base + (table[11] - table[1]) * GAS);
    // Ten pages paid for and reverted.
    let paid = bench.program(&grower(10));
    let body = format!("(drop {}) (drop {})", call_wat(paid, 0), call_wat(big, 0));
    assert_eq!(calls(&mut bench, &body, 0)[1], base);
    // More pages than anybody can pay for: from then on only the linear part is charged.
    let unpaid = bench.program(&grower(1000));
    let body = format!(
        "(drop (call $call_contract (i32.const 900) (i32.const 0) (i32.const 0) (i32.const 928)
            (i64.const 100000) (i32.const 960))) (drop {})",
        call_wat(big, 0)
    );
    let body = format!("{} {body}", poke(900, unpaid.as_slice()));
    assert_eq!(calls(&mut bench, &body, 0)[1], base);
}

#[test]
fn quirk_08_reverts_do_not_undo_the_recent_cache() {
    let mut bench = Bench::at(60);
    let program = bench.program(&empty());
    let uncached = start(&mut bench, program);
    let mut tx = bench.tx(TxKind::Call(program), vec![], 0);
    tx.gas_limit = 21_000 + uncached - 1;
    let outcome = bench.run(tx);
    assert_eq!(outcome.error_text().as_deref(), Some("out of gas"));
    let cached = ask(&mut bench, ARB_WASM, Wasm::programInitGasCall { program }).gasWhenCached;
    assert_eq!(gas(&bench.send(program, [], 0)), 21_000 + cached + 1);
}

#[test]
fn quirk_10_parameters_are_no_locals() {
    let with_locals = |locals: usize| {
        format!(
            "(module (memory (export \"memory\") 1 1) (func (param {}) (local {}))
            (func (export \"user_entrypoint\") (param i32) (result i32) i32.const 0))",
            "i32 ".repeat(400),
            "i64 ".repeat(locals)
        )
    };
    let mut bench = Bench::new();
    for (locals, fits) in [(348, true), (349, false)] {
        let program = bench.put_wat(&with_locals(locals));
        assert_eq!(bench.activate(program).result.is_success(), fits, "{locals}");
    }
}

#[test]
fn quirk_11_branching_out_of_a_function_leaks_its_frame() {
    // 4000 calls of at least 5 words each are more than 22000 words may lose only if they leak.
    let leaves = [
        ("(return)", true),
        ("", true),
        ("(br 0)", false),
        ("(br_if 0 (i32.const 1))", false),
        ("(br_table 0 0 (i32.const 0))", false),
        ("(block (br 1))", false),
    ];
    for (leave, fits) in leaves {
        let wat = format!(
            r#"(module (memory (export "memory") 1 1) (func $f {leave})
            (func (export "user_entrypoint") (param i32) (result i32)
                (local.set 0 (i32.const 5000))
                (loop $l (call $f)
                    (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                i32.const 0))"#
        );
        let mut bench = Bench::new();
        let program = bench.program(&wat);
        let outcome = bench.send(program, [], 0);
        let text = outcome.error_text();
        let expected = if fits { None } else { Some("max call depth exceeded") };
        assert_eq!(text.as_deref(), expected, "{leave}");
    }
}

#[test]
fn quirk_12_a_frame_loses_its_fraction_of_a_gas() {
    let mut bench = Bench::new();
    let callee = bench.program(&empty());
    // The callee runs for 2452 ink and is charged a whole gas for them.
    let ink = calls(&mut bench, &format!("(drop {})", call_wat(callee, 0)), 0);
    assert_eq!(ink, [CALL + (2600 + start(&mut bench, callee) + 1) * GAS]);
}

#[test]
fn quirk_13_caching_costs_the_raw_start_cost() {
    let mut bench = Bench::new();
    let program = bench.program(WRITE_ARGS);
    let call = Cache::cacheProgramCall { program };
    let outcome = tell(&mut bench, CACHE, call.clone());
    // State 800, argument 3, code hash 2600, owner but not manager 1600, parameters 100, record
    // 800, event 1756, the start cost of 34, module hash 800, record 20000.
    let body = 800 + 3 + 2600 + 1600 + 100 + 800 + 1756 + 34 + 800 + 20_000;
    assert_eq!(gas(&outcome), intrinsic(&call.abi_encode()) + body);
    // Nothing changes the second time.
    let outcome = tell(&mut bench, CACHE, call.clone());
    let body = 800 + 3 + 2600 + 1600 + 100 + 800;
    assert_eq!(gas(&outcome), intrinsic(&call.abi_encode()) + body);
}

#[test]
fn quirk_15_the_second_start_is_dear_before_version_60() {
    for (arbos, again) in [(51, true), (60, false)] {
        let mut bench = Bench::at(arbos);
        let callee = bench.program(&empty());
        let costs = ask(&mut bench, ARB_WASM, Wasm::programInitGasCall { program: callee });
        bench.next_block(1);
        let one = format!("(drop {})", call_wat(callee, 0));
        let ink = calls(&mut bench, &format!("{one} {one}"), 0);
        let second = if again { costs.gas } else { costs.gasWhenCached };
        let expected = [CALL + (2600 + costs.gas + 1) * GAS, CALL + (100 + second + 1) * GAS];
        assert_eq!(ink, expected, "ArbOS {arbos}");
    }
}

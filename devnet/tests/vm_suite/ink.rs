//! Ink of single host calls against known numbers.

use super::support::*;
use revm::primitives::Address;

/// Runs a program once and returns the ink of each call of `name`.
fn ink(name: &str, imports: &[&str], pages: u32, body: &str) -> Vec<u64> {
    let mut bench = Bench::new();
    let program = bench.program(&module(imports, pages, &format!("{body} i32.const 0")));
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    trace.ink(name)
}

fn one(name: &str, body: &str) -> u64 {
    ink(name, &[name], 1, body)[0]
}

#[test]
fn accounts() {
    // Address 0x…00 at 0 is cold; the sender is warm.
    let at = "(i32.store8 (i32.const 19) (i32.const 0xcd))";
    let call = |f: &str| format!("{at} {f}");
    let hash = call("(call $account_codehash (i32.const 0) (i32.const 64))");
    assert_eq!(one("account_codehash", &hash), 26_078_153);
    let size = call("(drop (call $account_code_size (i32.const 0)))");
    assert_eq!(one("account_code_size", &size), 33_068_073);
    let twice = format!("{size} (drop (call $account_code_size (i32.const 0)))");
    let imports = ["account_code_size"];
    // An empty code is not remembered: the second time the account is warm.
    assert_eq!(ink(imports[0], &imports, 1, &twice), [33_068_073, 8_068_073]);
    let balance = "(call $msg_sender (i32.const 0))
        (call $account_balance (i32.const 0) (i32.const 64))";
    let imports = ["account_balance", "msg_sender"];
    assert_eq!(ink("account_balance", &imports, 1, balance), [1_078_153]);
}

#[test]
fn transient_storage() {
    let body = "(call $transient_load_bytes32 (i32.const 0) (i32.const 32))";
    assert_eq!(one("transient_load_bytes32", body), 1_078_153);
}

#[test]
fn storage_loads() {
    let body = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 1))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 32))";
    let imports = ["storage_load_bytes32", "storage_flush_cache"];
    assert_eq!(ink("storage_load_bytes32", &imports, 1, body), [21_068_480, 18_480, 1_068_480]);
}

#[test]
fn storage_flushes() {
    let mut bench = Bench::new();
    // Stores calldata word 0 under key 0, then word 1 in the same transaction.
    let body = "(call $read_args (i32.const 32))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 0))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 64))
        (call $storage_flush_cache (i32.const 1)) i32.const 0";
    let imports = ["read_args", "storage_cache_bytes32", "storage_flush_cache"];
    let program = bench.program(&module(&imports, 1, body));
    let mut flush = |first: u64, second: u64| {
        let (outcome, trace) = bench.trace(program, [word(first), word(second)].concat());
        assert!(outcome.result.is_success(), "{outcome:?}");
        trace.ink("storage_flush_cache")
    };
    assert_eq!(flush(1, 2), [221_068_073, 1_068_073]); // 0 -> 1 -> 2
    assert_eq!(flush(3, 4), [50_068_073, 1_068_073]); // 2 -> 3 -> 4
    assert_eq!(flush(0, 0), [50_068_073, 68_073]); // 4 -> 0, clean
    assert_eq!(bench.slot(program, 0), revm::primitives::U256::ZERO);
}

#[test]
fn logs() {
    let known = [
        (0, 0, 3_834_454),
        (0, 10, 4_634_454),
        (0, 100, 11_838_194),
        (1, 100, 15_589_954),
        (2, 100, 19_341_714),
        (3, 100, 23_093_474),
        (4, 100, 26_845_234),
    ];
    for (topics, bytes, expected) in known {
        let len = 32 * topics + bytes;
        let body = format!("(call $emit_log (i32.const 0) (i32.const {len}) (i32.const {topics}))");
        assert_eq!(one("emit_log", &body), expected, "{topics} topics, {bytes} bytes");
    }
}

#[test]
fn return_data_and_keccak() {
    for (bytes, expected) in [(10, 73_113), (100, 75_153), (1000, 102_153), (10_000, 372_153)] {
        // The identity precompile returns what it is given.
        let body = format!(
            "(i32.store8 (i32.const 19) (i32.const 4))
            (drop (call $static_call_contract (i32.const 0) (i32.const 0) (i32.const {bytes})
                (i64.const 1000000) (i32.const 32)))
            (drop (call $read_return_data (i32.const 64) (i32.const 0) (i32.const 20000)))"
        );
        let imports = ["static_call_contract", "read_return_data"];
        assert_eq!(ink("read_return_data", &imports, 1, &body), [expected]);
    }
    for (bytes, expected) in [(10, 121_800), (100, 163_800), (1000, 751_800)] {
        let body =
            format!("(call $native_keccak256 (i32.const 0) (i32.const {bytes}) (i32.const 0))");
        assert_eq!(one("native_keccak256", &body), expected);
    }
}

#[test]
fn arithmetic() {
    for (bytes, expected) in [(1, 61_520), (2, 79_020), (10, 219_020), (32, 604_020)] {
        let body = format!(
            "(i32.store8 (i32.const {}) (i32.const 1))
            (call $math_pow (i32.const 0) (i32.const 32))",
            64 - bytes
        );
        assert_eq!(one("math_pow", &body), expected);
    }
    for (name, expected) in [("math_div", 43_520), ("math_mod", 43_520)] {
        let body = format!("(call ${name} (i32.const 0) (i32.const 32))");
        assert_eq!(one(name, &body), expected);
    }
    for (name, expected) in [("math_add_mod", 49_560), ("math_mul_mod", 52_660)] {
        let body = format!("(call ${name} (i32.const 0) (i32.const 32) (i32.const 64))");
        assert_eq!(one(name, &body), expected);
    }
}

/// Calldata and address of a call, at 0 and 64.
fn call_body(name: &str, value: bool, to: Address, data: &[u8], wei: u8) -> String {
    let bytes = |at: usize, bytes: &[u8]| -> String {
        bytes
            .iter()
            .enumerate()
            .map(|(i, b)| format!("(i32.store8 (i32.const {}) (i32.const {b}))", at + i))
            .collect()
    };
    let value = if value { "(i32.const 128)" } else { "" };
    format!(
        "{} {} (i32.store8 (i32.const 159) (i32.const {wei}))
        (drop (call ${name} (i32.const 64) (i32.const 0) (i32.const {}) {value}
            (i64.const -1) (i32.const 200)))",
        bytes(0, data),
        bytes(64, to.as_slice()),
        data.len()
    )
}

#[test]
fn calls_of_a_precompile_that_does_nothing() {
    let test = Address::with_last_byte(0x69);
    let mut data = vec![0xbb, 0x34, 0x20, 0xdf];
    data[..4].copy_from_slice(&revm::primitives::keccak256("burnArbGas(uint256)")[..4]);
    data.extend(word(0));
    for (name, value) in [
        ("call_contract", true),
        ("delegate_call_contract", false),
        ("static_call_contract", false),
    ] {
        assert_eq!(one(name, &call_body(name, value, test, &data, 0)), 1_146_395, "{name}");
    }
}

#[test]
fn calls_of_a_contract_that_uses_221_gas() {
    let mut bench = Bench::new();
    // 73 times PUSH0 POP (4 gas) is 292; 221 = 55 x (2 + 2) + 1 (JUMPDEST).
    let mut code = [0x5f, 0x50].repeat(55);
    code.push(0x5b);
    let target = bench.put(code);
    for (wei, expected) in [(0, 28_325_955), (1, 118_325_955)] {
        let name = "call_contract";
        let body = call_body(name, true, target, &[1, 2, 3, 4], wei);
        let program = bench.program(&module(&[name], 1, &format!("{body} i32.const 0")));
        let (outcome, trace) = bench.trace_value(program, [], 10);
        assert!(outcome.result.is_success(), "{outcome:?}");
        assert_eq!(trace.ink(name), [expected]);
    }
}

#[test]
fn call_of_another_program() {
    assert_eq!(wat::parse_str(WRITE_ARGS).unwrap().len(), 187);
    let mut bench = Bench::new();
    let target = bench.program(WRITE_ARGS);
    let name = "call_contract";
    let body = call_body(name, true, target, &[1, 2, 3, 4], 0);
    let program = bench.program(&module(&[name], 1, &format!("{body} i32.const 0")));
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(trace.ink(name), [118_475_955]);
}

#[test]
fn activation_numbers() {
    use devnet::stylus::{module::Rules, rewrite::prepare};
    let wasm = wat::parse_str(WRITE_ARGS).unwrap();
    let numbers = prepare(&wasm, Rules { arbos: 51, debug: false }).unwrap().numbers;
    assert_eq!(
        (numbers.init_cost, numbers.cached_init_cost, numbers.asm_estimate, numbers.footprint),
        (34, 11, 514_189, 1)
    );
    assert_eq!(numbers.total_variable_gas(), 64_624);
}

#[test]
fn memory_growth() {
    let wat = r#"(module
        (import "vm_hooks" "pay_for_memory_grow" (func $pay (param i32)))
        (memory (export "memory") 1)
        (func (export "user_entrypoint") (param i32) (result i32)
            (call $pay (i32.const 100)) (call $pay (i32.const 0)) (i32.const 0)))"#;
    let mut bench = Bench::new();
    let program = bench.program(wat);
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(trace.ink("pay_for_memory_grow"), [9_320_660_000]);
}

#[test]
fn clearing_storage_refunds_through_frames() {
    let mut bench = Bench::new();
    let body = "(call $read_args (i32.const 32))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 0)) i32.const 0";
    let imports = ["read_args", "storage_cache_bytes32", "storage_flush_cache"];
    let program = bench.program(&module(&imports, 1, body));
    let proxy = bench.put(forwarder(0xf1, program));
    for target in [program, proxy] {
        bench.send(target, word(1), 0);
        let outcome = bench.send(target, word(0), 0);
        assert_eq!(outcome.result.gas().inner_refunded(), 4800);
    }
}

#[test]
fn pages_once_paid_for_stay_cheap_in_the_transaction() {
    let mut bench = Bench::new();
    let target = bench.program(&module(&[], 10, "(i32.const 0)"));
    let name = "call_contract";
    let one = call_body(name, true, target, &[], 0);
    let program = bench.program(&module(&[name], 1, &format!("{one} {one} i32.const 0")));
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    let ink = trace.ink(name);
    // The account is warm the second time (2500 gas), and 11 pages were open before:
    // only the linear 9000 gas are paid again, not the 3 gas from table entry 1 to 11.
    assert_eq!(ink[0] - ink[1], (2500 + 3) * 10_000);
}

#[test]
fn gas_above_the_transaction_limit_is_held_back() {
    let mut bench = Bench::new();
    // Returns GAS.
    let code = bench.put(vec![0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    let forever = bench.put(vec![0x5b, 0x5f, 0x56]);
    let mut tx = bench.tx(revm::primitives::TxKind::Call(code), vec![], 0);
    tx.gas_limit = 100_000_000;
    let outcome = bench.run(tx);
    let shown = revm::primitives::U256::from_be_slice(&output(&outcome));
    assert_eq!(shown, revm::primitives::U256::from(32_000_000 - 21_000 - 2));
    assert_eq!(gas(&outcome), 21_000 + 2 + 2 + 3 + 3 + 3 + 2);
    let mut tx = bench.tx(revm::primitives::TxKind::Call(forever), vec![], 0);
    tx.gas_limit = 100_000_000;
    assert_eq!(gas(&bench.run(tx)), 32_000_000);
}

#[test]
fn owners_move_the_limit_of_gas_at_once() {
    use super::abi::Owner;
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setMaxTxGasLimitCall { limit: 5_000_000 });
    let code = bench.put(pushes(0x5a));
    let shown = revm::primitives::U256::from_be_slice(&output(&bench.send(code, [], 0)));
    assert_eq!(shown, revm::primitives::U256::from(5_000_000 - 21_000 - 2));
}

#[test]
fn returned_data_costs_at_least_what_memory_for_it_would() {
    use super::abi::Cache;
    // 1024 words: 3 x 1024 + 1024 x 1024 / 512 = 5120 gas, more than a cached start and 364 gas
    // for handing 32 KiB over.
    for status in [0, 1] {
        let body =
            format!("(call $write_result (i32.const 0) (i32.const 32768)) (i32.const {status})");
        let mut bench = Bench::new();
        let program = bench.program(&module(&["write_result"], 1, &body));
        tell(&mut bench, CACHE, Cache::cacheProgramCall { program });
        let outcome = bench.send(program, [], 0);
        assert_eq!((gas(&outcome), output(&outcome).len()), (21_000 + 5120, 32_768));
        for (limit, fits) in [(5120, true), (5119, false)] {
            let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 0);
            tx.gas_limit = 21_000 + limit;
            let outcome = bench.run(tx);
            assert_eq!(is_halt(&outcome), !fits, "{limit}");
            assert_eq!(gas(&outcome), 21_000 + limit);
        }
    }
}

#[test]
fn a_creation_leaves_a_64th_behind() {
    let mut bench = Bench::new();
    // Init code that stores as code what GAS shows: GAS, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN.
    let init = [0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let body = format!(
        "{} (call $create1 (i32.const 0) (i32.const 7) (i32.const 64) (i32.const 128)
            (i32.const 160)) (call $write_result (i32.const 128) (i32.const 20)) i32.const 0",
        poke(0, &init)
    );
    let program = bench.program(&module(&["create1", "write_result"], 1, &body));
    let (outcome, trace) = bench.trace(program, []);
    let made = Address::from_slice(&output(&outcome));
    let account = revm::Database::basic(&mut bench.db, made).unwrap().unwrap();
    let code = revm::Database::code_by_hash(&mut bench.db, account.code_hash).unwrap();
    let shown = revm::primitives::U256::from_be_slice(code.original_byte_slice());
    let call = trace.events.iter().find(|event| event.name == "create1").unwrap();
    let base = 83_193 + 2 * 16_381;
    let rest = (call.start_ink - base) / 10_000 - 32_000;
    assert_eq!(shown, revm::primitives::U256::from(rest - rest / 64 - 2));
    // 15 gas to run (MSTORE 3 and its word 3; nothing for RETURN), 200 for each of 32 bytes.
    let run = 2 + 2 + 6 + 3 + 2;
    assert_eq!(trace.ink("create1"), [base + (32_000 + run + 6400) * 10_000]);
}

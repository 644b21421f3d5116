//! Ink of each host function: every charge by hand, all functions in one table.

use std::collections::BTreeSet;

use devnet::stylus::prices::prices;

use super::support::*;

/// Ink of a gas.
const GAS: u64 = 10_000;
/// Telling a program up to 32 bytes, and reading as many from it.
const WRITE: u64 = 5040;
const READ: u64 = 16_381;
/// A cold account; its code costs 700 more.
const COLD: u64 = 2600 * GAS;

/// Function, other functions it needs, body, ink.
type Row = (&'static str, &'static [&'static str], &'static str, u64);

/// Memory: 0 an account nobody has (0x..cd), 32 zeros, 64 the number 1.
const TABLE: [Row; 42] = [
    // The frame. Calldata is 40 bytes: 8 of them beyond 32.
    ("read_args", &[], "(call $read_args (i32.const 512))", 8400 + WRITE + 8 * 30),
    (
        "write_result",
        &[],
        "(call $write_result (i32.const 0) (i32.const 40))",
        8400 + 2 * (READ + 8 * 55),
    ),
    ("exit_early", &[], "(call $exit_early (i32.const 0))", 0),
    (
        "read_return_data",
        &[],
        "(drop (call $read_return_data (i32.const 512) (i32.const 0) (i32.const 32)))",
        68_073 + WRITE,
    ),
    ("return_data_size", &[], "(drop (call $return_data_size))", 8400),
    ("evm_gas_left", &[], "(drop (call $evm_gas_left))", 8400),
    ("evm_ink_left", &[], "(drop (call $evm_ink_left))", 8400),
    // 96 bytes are one word more than the two that are included.
    (
        "native_keccak256",
        &[],
        "(call $native_keccak256 (i32.const 0) (i32.const 96) (i32.const 512))",
        121_800 + 21_000,
    ),
    // Pages 2 to 5: three above the free two; the table's entries 1 and 5 are 1 and 1.
    ("pay_for_memory_grow", &[], "(call $pay_for_memory_grow (i32.const 4))", 3 * 1000 * GAS),
    // Storage: a cold slot is 2100, asking for it 5; the first accesses have no tier.
    (
        "storage_load_bytes32",
        &[],
        "(call $storage_load_bytes32 (i32.const 32) (i32.const 512))",
        18_480 + (2100 + 5) * GAS,
    ),
    (
        "storage_cache_bytes32",
        &[],
        "(call $storage_cache_bytes32 (i32.const 32) (i32.const 64))",
        18_480,
    ),
    // From zero to one: cold 2100, set 20000.
    (
        "storage_flush_cache",
        &["storage_cache_bytes32"],
        "(call $storage_cache_bytes32 (i32.const 32) (i32.const 64))
        (call $storage_flush_cache (i32.const 0))",
        68_073 + (2100 + 20_000) * GAS,
    ),
    (
        "transient_load_bytes32",
        &[],
        "(call $transient_load_bytes32 (i32.const 32) (i32.const 512))",
        78_153 + 100 * GAS,
    ),
    (
        "transient_store_bytes32",
        &[],
        "(call $transient_store_bytes32 (i32.const 32) (i32.const 64))",
        78_153 + 100 * GAS,
    ),
    // Calls of nobody, with 64 bytes: read twice.
    (
        "call_contract",
        &[],
        "(drop (call $call_contract (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 32)
            (i64.const -1) (i32.const 512)))",
        83_193 + 2 * (READ + 32 * 55) + COLD,
    ),
    (
        "delegate_call_contract",
        &[],
        "(drop (call $delegate_call_contract (i32.const 0) (i32.const 0) (i32.const 64)
            (i64.const -1) (i32.const 512)))",
        83_193 + 2 * (READ + 32 * 55) + COLD,
    ),
    (
        "static_call_contract",
        &[],
        "(drop (call $static_call_contract (i32.const 0) (i32.const 0) (i32.const 64)
            (i64.const -1) (i32.const 512)))",
        83_193 + 2 * (READ + 32 * 55) + COLD,
    ),
    // Init code of 32 zeros stops at once and leaves no code; CREATE2 hashes its one word.
    (
        "create1",
        &[],
        "(call $create1 (i32.const 32) (i32.const 32) (i32.const 32) (i32.const 512)
            (i32.const 544))",
        83_193 + 2 * READ + 32_000 * GAS,
    ),
    (
        "create2",
        &[],
        "(call $create2 (i32.const 32) (i32.const 32) (i32.const 32) (i32.const 64)
            (i32.const 512) (i32.const 544))",
        88_233 + 2 * READ + (32_000 + 6) * GAS,
    ),
    // One topic and 3 bytes: read 35, 375 for the log and for the topic, 8 a byte.
    (
        "emit_log",
        &[],
        "(call $emit_log (i32.const 0) (i32.const 35) (i32.const 1))",
        68_073 + READ + 3 * 55 + (2 * 375 + 3 * 8) * GAS,
    ),
    // Accounts.
    (
        "account_balance",
        &[],
        "(call $account_balance (i32.const 0) (i32.const 512))",
        78_153 + COLD,
    ),
    (
        "account_code",
        &[],
        "(drop (call $account_code (i32.const 0) (i32.const 0) (i32.const 32) (i32.const 512)))",
        68_073 + COLD + 700 * GAS + WRITE,
    ),
    (
        "account_code_size",
        &[],
        "(drop (call $account_code_size (i32.const 0)))",
        68_073 + COLD + 700 * GAS,
    ),
    (
        "account_codehash",
        &[],
        "(call $account_codehash (i32.const 0) (i32.const 512))",
        78_153 + COLD,
    ),
    // Facts that are written.
    ("block_basefee", &[], "(call $block_basefee (i32.const 512))", 8400 + WRITE),
    ("block_coinbase", &[], "(call $block_coinbase (i32.const 512))", 8400 + WRITE),
    ("contract_address", &[], "(call $contract_address (i32.const 512))", 8400 + WRITE),
    ("msg_sender", &[], "(call $msg_sender (i32.const 512))", 8400 + WRITE),
    ("msg_value", &[], "(call $msg_value (i32.const 512))", 8400 + WRITE),
    ("tx_gas_price", &[], "(call $tx_gas_price (i32.const 512))", 8400 + WRITE),
    ("tx_origin", &[], "(call $tx_origin (i32.const 512))", 8400 + WRITE),
    // Facts that are returned.
    ("block_gas_limit", &[], "(drop (call $block_gas_limit))", 8400),
    ("block_number", &[], "(drop (call $block_number))", 8400),
    ("block_timestamp", &[], "(drop (call $block_timestamp))", 8400),
    ("chainid", &[], "(drop (call $chainid))", 8400),
    ("msg_reentrant", &[], "(drop (call $msg_reentrant))", 8400),
    ("tx_ink_price", &[], "(drop (call $tx_ink_price))", 8400),
    // Arithmetic: words read and written, and the work; an exponent of one byte.
    ("math_div", &[], "(call $math_div (i32.const 32) (i32.const 64))", 43_520),
    ("math_mod", &[], "(call $math_mod (i32.const 32) (i32.const 64))", 43_520),
    ("math_pow", &[], "(call $math_pow (i32.const 32) (i32.const 64))", 23_520 + 3000 + 2 * 17_500),
    (
        "math_add_mod",
        &[],
        "(call $math_add_mod (i32.const 32) (i32.const 64) (i32.const 64))",
        49_560,
    ),
    (
        "math_mul_mod",
        &[],
        "(call $math_mul_mod (i32.const 32) (i32.const 64) (i32.const 64))",
        52_660,
    ),
];

#[test]
fn every_host_function_costs_what_it_should() {
    for (name, others, body, ink) in TABLE {
        let mut bench = Bench::new();
        let imports: Vec<_> = others.iter().copied().chain([name]).collect();
        let body = format!(
            "{} (i32.store8 (i32.const 95) (i32.const 1)) {body} i32.const 0",
            poke(19, &[0xcd])
        );
        let program = bench.program(&module(&imports, 1, &body));
        let (outcome, trace) = bench.trace(program, [7; 40]);
        assert!(outcome.result.is_success(), "{name}: {outcome:?}");
        assert_eq!(trace.ink(name), [ink], "{name}");
    }
    let covered: BTreeSet<_> = TABLE.iter().map(|(name, ..)| *name).collect();
    assert_eq!(covered, prices().host_names().collect());
}

#[test]
fn the_second_access_is_warm() {
    let rows = [
        // 100 for a warm account.
        ("account_balance", "(call $account_balance (i32.const 0) (i32.const 512))", 78_153, 100),
        ("account_codehash", "(call $account_codehash (i32.const 0) (i32.const 512))", 78_153, 100),
        ("account_code_size", "(drop (call $account_code_size (i32.const 0)))", 68_073, 800),
        (
            "static_call_contract",
            "(drop (call $static_call_contract (i32.const 0) (i32.const 0) (i32.const 0)
                (i64.const -1) (i32.const 512)))",
            83_193 + 2 * READ,
            100,
        ),
    ];
    for (name, body, ink, warm) in rows {
        let mut bench = Bench::new();
        let body = format!("{} {body} {body} i32.const 0", poke(19, &[0xcd]));
        let program = bench.program(&module(&[name], 1, &body));
        let (_, trace) = bench.trace(program, []);
        assert_eq!(trace.ink(name)[1], ink + warm * GAS, "{name}");
    }
}

#[test]
fn value_makes_a_call_dearer() {
    let mut bench = Bench::new();
    let nobody = revm::primitives::Address::repeat_byte(0x99);
    let somebody = bench.put(vec![0x00]);
    let body =
        [nobody, somebody, nobody, nobody].map(|to| format!("(drop {})", call_wat(to, 1))).concat();
    let program = bench.program(&module(&["call_contract"], 1, &format!("{body} i32.const 0")));
    let (outcome, trace) = bench.trace_value(program, [], 3);
    assert!(outcome.result.is_success(), "{outcome:?}");
    let base = 83_193 + 2 * READ;
    let expected = [
        // A new account; one with code; the first one once more, which exists now.
        base + (2600 + 25_000 + 9000) * GAS,
        base + (2600 + 9000) * GAS,
        base + (100 + 9000) * GAS,
        // Nothing is left to send: the base is charged, the gas comes back.
        base + (100 + 9000) * GAS,
    ];
    assert_eq!(trace.ink("call_contract"), expected);
    assert_eq!(bench.balance(nobody), revm::primitives::U256::from(2));
}

//! What every host function answers, writes and refuses.

use std::collections::BTreeSet;

use super::support::*;
use devnet::stylus::prices::prices;
use revm::primitives::{Address, B256, Bytes, U256, keccak256};

/// Runs `body` in a program with 1 page and returns memory `[512, 512 + size)` as result.
fn answer_with(bench: &mut Bench, imports: &[&str], body: &str, data: &[u8], size: u32) -> Bytes {
    let mut imports = imports.to_vec();
    if !imports.contains(&"write_result") {
        imports.push("write_result");
    }
    let body =
        format!("{body} (call $write_result (i32.const 512) (i32.const {size})) (i32.const 0)");
    let program = bench.program(&module(&imports, 1, &body));
    let outcome = bench.send(program, data, 0);
    assert!(outcome.result.is_success(), "{outcome:?}");
    output(&outcome)
}

fn answer(imports: &[&str], body: &str, data: &[u8], size: u32) -> Bytes {
    answer_with(&mut Bench::new(), imports, body, data, size)
}

/// A fact that is written to memory.
fn written(name: &str, size: u32) -> Bytes {
    answer(&[name], &format!("(call ${name} (i32.const 512))"), &[], size)
}

/// A fact that is returned as i64.
fn long(name: &str) -> u64 {
    let body = format!("(i64.store (i32.const 512) (call ${name}))");
    u64::from_le_bytes(answer(&[name], &body, &[], 8)[..].try_into().expect("8 bytes"))
}

/// A fact that is returned as i32.
fn short(name: &str) -> u32 {
    let body = format!("(i32.store (i32.const 512) (call ${name}))");
    u32::from_le_bytes(answer(&[name], &body, &[], 4)[..].try_into().expect("4 bytes"))
}

fn u(value: u64) -> Vec<u8> {
    word(value).to_vec()
}

#[test]
fn facts_of_block_chain_and_transaction() {
    assert_eq!(written("block_basefee", 32).to_vec(), u(100_000_000));
    let coinbase = Bench::new().block.env.beneficiary;
    assert_eq!(written("block_coinbase", 20), Bytes::copy_from_slice(coinbase.as_slice()));
    assert_eq!(long("block_gas_limit"), 1 << 50);
    assert_eq!(long("block_number"), 0);
    assert_eq!(long("block_timestamp"), 1_700_000_000);
    assert_eq!(long("chainid"), 412_346);
    assert_eq!(written("msg_sender", 20).to_vec(), ALICE.to_vec());
    assert_eq!(written("tx_origin", 20).to_vec(), ALICE.to_vec());
    assert_eq!(written("msg_value", 32).to_vec(), u(0));
    assert_eq!(written("tx_gas_price", 32).to_vec(), u(100_000_000));
    assert_eq!(short("tx_ink_price"), 10_000);
    assert_eq!(short("msg_reentrant"), 0);
    assert_eq!(short("return_data_size"), 0);
    let gas = long("evm_gas_left");
    assert!((29_960_000..29_970_000).contains(&gas), "{gas}");
    let ink = long("evm_ink_left");
    assert!(ink / 10_000 == gas, "{ink}");
}

#[test]
fn own_address_value_and_l1_number() {
    let mut bench = Bench::new();
    bench.block.l1_number = 77;
    let imports = ["contract_address", "msg_value", "block_number", "write_result"];
    let body = "(call $contract_address (i32.const 0)) (call $msg_value (i32.const 20))
        (i64.store (i32.const 52) (call $block_number))
        (call $write_result (i32.const 0) (i32.const 60)) (i32.const 0)";
    let program = bench.program(&module(&imports, 1, body));
    let outcome = bench.send(program, [], 9);
    let expected = [program.as_slice(), &word(9), &77u64.to_le_bytes()].concat();
    assert_eq!(output(&outcome).to_vec(), expected);
    assert_eq!(bench.balance(program), U256::from(9));
}

#[test]
fn arguments_results_and_early_exits() {
    let echo = answer(&["read_args"], "(call $read_args (i32.const 512))", b"hello", 5);
    assert_eq!(&echo[..], b"hello");
    let mut bench = Bench::new();
    for (status, reverts) in [(0, false), (1, true), (77, true)] {
        let body = format!(
            "(call $write_result (i32.const 0) (i32.const 4))
            (call $write_result (i32.const 0) (i32.const 2))
            (call $exit_early (i32.const {status})) unreachable"
        );
        let program = bench.program(&module(&["write_result", "exit_early"], 1, &body));
        let outcome = bench.send(program, [], 0);
        assert_eq!(is_revert(&outcome), reverts);
        assert_eq!(output(&outcome).len(), 2);
    }
}

#[test]
fn memory_outside_the_program_is_a_failure() {
    let far = "(i32.const 65530)";
    let cases = [
        ("read_args", format!("(call $read_args {far})")),
        ("write_result", format!("(call $write_result {far} (i32.const 7))")),
        ("msg_sender", format!("(call $msg_sender {far})")),
        ("math_div", format!("(call $math_div (i32.const 0) {far})")),
        ("storage_load_bytes32", format!("(call $storage_load_bytes32 {far} (i32.const 0))")),
        ("emit_log", format!("(call $emit_log {far} (i32.const 7) (i32.const 0))")),
        ("native_keccak256", format!("(call $native_keccak256 {far} (i32.const 7) (i32.const 0))")),
        ("account_balance", "(call $account_balance (i32.const -1) (i32.const 0))".to_owned()),
    ];
    for (name, body) in cases {
        let mut bench = Bench::new();
        let program = bench.program(&module(&[name], 1, &format!("{body} (i32.const 0)")));
        let outcome = bench.send(program, b"1234567", 0);
        assert!(is_revert(&outcome), "{name}: {outcome:?}");
        assert!(gas(&outcome) < 60_000, "{name} took all gas");
    }
}

#[test]
fn storage_survives_only_when_flushed() {
    let mut bench = Bench::new();
    let imports = ["storage_cache_bytes32", "storage_load_bytes32"];
    let write = "(i32.store8 (i32.const 63) (i32.const 6))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 512))";
    assert_eq!(answer_with(&mut bench, &imports, write, &[], 32).to_vec(), u(6));
    let program = Address::left_padding_from(&0xC0DE_0001u64.to_be_bytes());
    assert_eq!(bench.slot(program, 0), U256::ZERO);
    let imports = [imports[0], imports[1], "storage_flush_cache"];
    // Clearing forgets what was not stored; then the slot still holds what was flushed.
    let flush = format!(
        "{write} (call $storage_flush_cache (i32.const 1))
        (i32.store8 (i32.const 63) (i32.const 7))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 512))"
    );
    assert_eq!(answer_with(&mut bench, &imports, &flush, &[], 32).to_vec(), u(7));
    let program = Address::left_padding_from(&0xC0DE_0002u64.to_be_bytes());
    assert_eq!(bench.slot(program, 0), U256::from(6));
}

#[test]
fn transient_storage_lasts_for_the_transaction() {
    let imports = ["transient_store_bytes32", "transient_load_bytes32"];
    let body = "(call $transient_load_bytes32 (i32.const 0) (i32.const 512))
        (i32.store8 (i32.const 63) (i32.const 6))
        (call $transient_store_bytes32 (i32.const 0) (i32.const 32))
        (call $transient_load_bytes32 (i32.const 0) (i32.const 544))";
    assert_eq!(answer(&imports, body, &[], 64).to_vec(), [u(0), u(6)].concat());
}

#[test]
fn read_tiers_begin_at_the_33rd_access() {
    let mut bench = Bench::new();
    let imports = ["storage_load_bytes32"];
    let body = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))".repeat(130);
    let program = bench.program(&module(&imports, 1, &format!("{body} (i32.const 0)")));
    let (_, trace) = bench.trace(program, []);
    let ink = trace.ink("storage_load_bytes32");
    assert_eq!((ink[31], ink[32], ink[127], ink[128]), (18_480, 38_480, 38_480, 118_480));
    let body = "(call $storage_cache_bytes32 (i32.const 0) (i32.const 32))".repeat(70);
    let program =
        bench.program(&module(&["storage_cache_bytes32"], 1, &format!("{body} (i32.const 0)")));
    let (_, trace) = bench.trace(program, []);
    let ink = trace.ink("storage_cache_bytes32");
    assert_eq!((ink[7], ink[8], ink[63], ink[64]), (18_480, 88_480, 88_480, 118_480));
}

#[test]
fn logs_carry_topics_and_data() {
    let mut bench = Bench::new();
    let body = "(call $read_args (i32.const 0))
        (call $emit_log (i32.const 0) (local.get $len) (i32.const 2)) (i32.const 0)";
    let program = bench.program(&module(&["read_args", "emit_log"], 1, body));
    let data = [word(1).as_slice(), &word(2), b"rest"].concat();
    let outcome = bench.send(program, data, 0);
    let log = &outcome.result.logs()[0];
    assert_eq!(log.topics(), [B256::from(word(1)), B256::from(word(2))]);
    assert_eq!(&log.data.data[..], b"rest");
    // Too little data for two topics; too many topics.
    assert!(is_revert(&bench.send(program, vec![0; 63], 0)));
    let five = "(call $emit_log (i32.const 0) (i32.const 160) (i32.const 5)) (i32.const 0)";
    let five = bench.program(&module(&["emit_log"], 1, five));
    assert!(is_revert(&bench.send(five, [], 0)));
}

#[test]
fn accounts_show_balance_code_and_hash() {
    let mut bench = Bench::new();
    let code: Vec<u8> = (1..=40).collect();
    let target = bench.put(code.clone());
    let imports =
        ["read_args", "account_balance", "account_code", "account_code_size", "account_codehash"];
    let body = "(call $read_args (i32.const 0))
        (call $account_balance (i32.const 0) (i32.const 512))
        (call $account_codehash (i32.const 0) (i32.const 544))
        (i32.store (i32.const 576) (call $account_code_size (i32.const 0)))
        (i32.store (i32.const 580)
            (call $account_code (i32.const 0) (i32.const 30) (i32.const 100) (i32.const 584)))";
    let found = answer_with(&mut bench, &imports, body, target.as_slice(), 96);
    let mut expected = [u(0), keccak256(&code).to_vec(), vec![40, 0, 0, 0, 10, 0, 0, 0]].concat();
    expected.extend(31..=40);
    expected.resize(96, 0);
    assert_eq!(found.to_vec(), expected);
    // Nobody: no balance, hash zero, no code, nothing copied.
    let nobody = Address::repeat_byte(0x99);
    let found = answer_with(&mut bench, &imports, body, nobody.as_slice(), 96);
    assert_eq!(found.to_vec(), [0; 96]);
}

#[test]
fn return_data_can_be_read_in_parts() {
    let imports = ["static_call_contract", "read_return_data", "return_data_size"];
    // The identity precompile echoes 1, 2, 3, 4.
    let body = "(i32.store8 (i32.const 19) (i32.const 4))
        (i32.store (i32.const 32) (i32.const 0x04030201))
        (i32.store (i32.const 512) (call $static_call_contract (i32.const 0) (i32.const 32)
            (i32.const 4) (i64.const 100000) (i32.const 516)))
        (i32.store (i32.const 520) (call $return_data_size))
        (i32.store (i32.const 524)
            (call $read_return_data (i32.const 532) (i32.const 2) (i32.const 10)))
        (i32.store (i32.const 528)
            (call $read_return_data (i32.const 536) (i32.const 9) (i32.const 10)))";
    let found = answer(&imports, body, &[], 28);
    let numbers: Vec<u32> =
        found[..20].chunks(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(numbers, [0, 4, 4, 2, 0]);
    assert_eq!(found[20..], [3, 4, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn arithmetic_wraps_and_divides_by_zero() {
    let max = U256::MAX.to_be_bytes::<32>().to_vec();
    let run = |name: &str, operands: &[Vec<u8>]| {
        let args: String =
            (0..operands.len()).map(|i| format!("(i32.const {})", 512 + 32 * i)).collect();
        let body = format!("(call $read_args (i32.const 512)) (call ${name} {args})");
        answer(&["read_args", name], &body, &operands.concat(), 32).to_vec()
    };
    assert_eq!(run("math_div", &[u(17), u(5)]), u(3));
    assert_eq!(run("math_div", &[u(17), u(0)]), u(0));
    assert_eq!(run("math_mod", &[u(17), u(5)]), u(2));
    assert_eq!(run("math_mod", &[u(17), u(0)]), u(0));
    assert_eq!(run("math_pow", &[u(2), u(255)])[0], 0x80);
    assert_eq!(run("math_pow", &[u(2), u(256)]), u(0));
    assert_eq!(run("math_pow", &[u(0), u(0)]), u(1));
    assert_eq!(run("math_add_mod", &[max.clone(), max.clone(), u(7)]), u(2));
    assert_eq!(run("math_add_mod", &[u(1), u(1), u(0)]), u(0));
    assert_eq!(run("math_mul_mod", &[max.clone(), max.clone(), u(7)]), u(1));
    assert_eq!(run("math_mul_mod", &[max.clone(), max, u(0)]), u(0));
}

#[test]
fn keccak_of_memory() {
    let body = "(call $read_args (i32.const 0))
        (call $native_keccak256 (i32.const 0) (local.get $len) (i32.const 512))";
    let found = answer(&["read_args", "native_keccak256"], body, b"abc", 32);
    assert_eq!(found.to_vec(), keccak256(b"abc").to_vec());
}

#[test]
fn calls_with_too_little_gas_fail_or_take_what_is_left() {
    let mut bench = Bench::new();
    // A cold account with value needs 100 + 2500 + 25000 + 9000.
    let body = "(i32.store8 (i32.const 19) (i32.const 0x77)) (i32.store8 (i32.const 63)
            (i32.const 1))
        (i32.store (i32.const 512) (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 32) (i64.const -1) (i32.const 516)))
        (call $write_result (i32.const 512) (i32.const 8)) (i32.const 0)";
    let program = bench.program(&module(&["call_contract", "write_result"], 1, body));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 5);
    tx.gas_limit = 21_000 + 9300 + 20_000;
    let outcome = bench.run(tx);
    // The call fails without trapping, but no gas is left to go on with.
    assert_eq!(outcome.error_text().as_deref(), Some("out of gas"));
    // A creation without its base fails, and the rest of the gas is kept.
    let body = "(call $create1 (i32.const 0) (i32.const 0) (i32.const 32) (i32.const 64)
        (i32.const 96)) (i32.const 0)";
    let program = bench.program(&module(&["create1"], 1, body));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 0);
    tx.gas_limit = 21_000 + 9300 + 20_000;
    let outcome = bench.run(tx);
    assert!(is_revert(&outcome), "{outcome:?}");
    assert!(gas(&outcome) < 31_000, "{}", gas(&outcome));
}

#[test]
fn out_of_ink_in_a_host_call_is_out_of_gas() {
    let mut bench = Bench::new();
    let body = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)";
    let program = bench.program(&module(&["storage_load_bytes32"], 1, body));
    let (outcome, _) = bench.trace(program, []);
    let used = gas(&outcome);
    // The load costs 2105 gas but needs 2115 in hand.
    for (spare, fits) in [(10, true), (8, false)] {
        let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 0);
        tx.gas_limit = used + spare;
        let outcome = bench.run(tx);
        assert_eq!(outcome.result.is_success(), fits, "spare {spare}: {outcome:?}");
    }
}

#[test]
fn console_output_is_free() {
    let wat = r#"(module
        (import "console" "log_txt" (func $txt (param i32 i32)))
        (import "console" "log_i32" (func $i32 (param i32)))
        (import "console" "log_i64" (func $i64 (param i64)))
        (import "console" "tee_i32" (func $tee (param i32) (result i32)))
        (memory (export "memory") 1 1) (data (i32.const 0) "hi")
        (func (export "user_entrypoint") (param i32) (result i32)
            (call $txt (i32.const 0) (i32.const 2)) (call $i32 (i32.const 5))
            (call $i64 (i64.const 6)) (call $tee (i32.const 0))))"#;
    let mut bench = Bench::new();
    let program = bench.program(wat);
    let (outcome, trace) = bench.trace(program, []);
    assert!(outcome.result.is_success(), "{outcome:?}");
    let names =
        ["user_entrypoint", "console_log_text", "console_log", "console_log", "user_returned"];
    assert_eq!(trace.names(), names);
    assert!(trace.events.iter().all(|event| event.start_ink == event.end_ink));
}

#[test]
fn traces_tell_arguments_and_results() {
    let mut bench = Bench::new();
    let body = "(call $read_args (i32.const 0))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 1))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 64))
        (call $write_result (i32.const 64) (i32.const 32)) (i32.const 0)";
    let imports = [
        "read_args",
        "storage_cache_bytes32",
        "storage_flush_cache",
        "storage_load_bytes32",
        "write_result",
    ];
    let program = bench.program(&module(&imports, 1, body));
    let data = [word(4), word(5)].concat();
    let (_, trace) = bench.trace(program, data.clone());
    let told: Vec<_> =
        trace.events.iter().map(|e| (e.name, e.args.clone(), e.outs.clone())).collect();
    let expected = [
        ("user_entrypoint", 64u32.to_be_bytes().to_vec(), vec![]),
        ("read_args", vec![], data.clone()),
        ("storage_cache_bytes32", data, vec![]),
        ("storage_flush_cache", vec![1], vec![]),
        ("storage_load_bytes32", u(4), u(5)),
        ("write_result", u(5), vec![]),
        ("user_returned", vec![], vec![0; 4]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_host_function_is_offered() {
    let names: BTreeSet<&str> = prices().host_names().collect();
    assert_eq!(names.len(), 42);
    let mut bench = Bench::new();
    let imports: Vec<&str> = names.into_iter().collect();
    let program = bench.program(&module(&imports, 1, "(i32.const 0)"));
    assert!(bench.send(program, [], 0).result.is_success());
}

//! Calls and creations between programs and EVM contracts.

use devnet::stylus::code::compress_classic;
use revm::{
    Database,
    bytecode::Bytecode,
    primitives::{Address, U256, keccak256},
    state::AccountInfo,
};

use super::support::*;

/// A token: byte 0 of the calldata selects mint (0), transfer (1), balance (2); then an
/// account word and an amount word. Balances are 64 bits under the account's word.
pub fn token() -> String {
    let load = |at: u32| format!("(i64.load (i32.const {}))", at + 24);
    let imports = [
        "read_args",
        "write_result",
        "msg_sender",
        "storage_load_bytes32",
        "storage_cache_bytes32",
        "storage_flush_cache",
        "emit_log",
    ];
    // 0 calldata: 1 account, 33 amount; 128 sender word; 160 and 192 balances; 224 log
    let body = format!(
        "(call $read_args (i32.const 0))
        (call $msg_sender (i32.const 140))
        (call $storage_load_bytes32 (i32.const 1) (i32.const 160))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 2)) (then
            (call $write_result (i32.const 160) (i32.const 32))
            (return (i32.const 0))))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 1)) (then
            (call $storage_load_bytes32 (i32.const 128) (i32.const 192))
            (if (i64.lt_u {sender} {amount}) (then
                (call $write_result (i32.const 33) (i32.const 32))
                (return (i32.const 1))))
            (i64.store (i32.const 216) (i64.sub {sender} {amount}))
            (call $storage_cache_bytes32 (i32.const 128) (i32.const 192))))
        (i64.store (i32.const 184) (i64.add {balance} {amount}))
        (call $storage_cache_bytes32 (i32.const 1) (i32.const 160))
        (call $storage_flush_cache (i32.const 1))
        (call $emit_log (i32.const 1) (i32.const 64) (i32.const 1))
        (i32.const 0)",
        sender = load(192),
        balance = load(160),
        amount = load(33),
    );
    module(&imports, 1, &body)
}

/// A 64-bit number where the token keeps it: little-endian in a word's last bytes.
pub fn amount(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_le_bytes());
    word
}

pub fn order(kind: u8, account: Address, value: u64) -> Vec<u8> {
    [&[kind], account.into_word().as_slice(), &amount(value)].concat()
}

#[test]
fn a_token_keeps_balances_and_logs() {
    let mut bench = Bench::new();
    let token = bench.program(&token());
    let bob = Address::repeat_byte(0xb0);
    assert!(bench.send(token, order(0, ALICE, 100), 0).result.is_success());
    let outcome = bench.send(token, order(1, bob, 30), 0);
    assert_eq!(outcome.result.logs().len(), 1);
    assert_eq!(outcome.result.logs()[0].topics(), [bob.into_word()]);
    assert_eq!(outcome.result.logs()[0].address, token);
    let balance = |bench: &mut Bench, of| output(&bench.call(token, order(2, of, 0))).to_vec();
    assert_eq!(balance(&mut bench, bob), amount(30));
    assert_eq!(balance(&mut bench, ALICE), amount(70));
    let refused = bench.send(token, order(1, bob, 71), 0);
    assert!(is_revert(&refused));
    assert_eq!(output(&refused).to_vec(), amount(71));
    assert_eq!(balance(&mut bench, ALICE), amount(70));
}

#[test]
fn a_proxy_keeps_the_programs_storage() {
    let mut bench = Bench::new();
    let token = bench.program(&token());
    let proxy = bench.put(forwarder(0xf4, token));
    let outcome = bench.send(proxy, order(0, ALICE, 5), 0);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(outcome.result.logs()[0].address, proxy);
    assert_eq!(output(&bench.call(proxy, order(2, ALICE, 0))).to_vec(), amount(5));
    assert_eq!(output(&bench.call(token, order(2, ALICE, 0))).to_vec(), amount(0));
    // The sender is the proxy's caller, not the proxy.
    let bob = Address::repeat_byte(0xb0);
    assert!(bench.send(proxy, order(1, bob, 5), 0).result.is_success());
}

/// A program that forwards its calldata to `to` and ends as the callee did.
pub fn relay(kind: &str, to: Address) -> String {
    let value = if kind == "call_contract" { "(i32.const 96)" } else { "" };
    let store: String = to
        .iter()
        .enumerate()
        .map(|(i, b)| format!("(i32.store8 (i32.const {}) (i32.const {b}))", 64 + i))
        .collect();
    let imports = ["read_args", "write_result", "read_return_data", "msg_value", kind];
    let body = format!(
        "(local $status i32) (local $size i32) {store}
        (call $read_args (i32.const 1024))
        (call $msg_value (i32.const 96))
        (local.set $status (call ${kind} (i32.const 64) (i32.const 1024) (local.get $len) {value}
            (i64.const -1) (i32.const 0)))
        (local.set $size
            (call $read_return_data (i32.const 2048) (i32.const 0) (i32.load (i32.const 0))))
        (call $write_result (i32.const 2048) (local.get $size))
        (local.get $status)"
    );
    module(&imports, 1, &body)
}

#[test]
fn programs_and_contracts_nest() {
    let mut bench = Bench::new();
    let mut top = bench.program(&token());
    let token = top;
    for layer in 0..6 {
        top = match layer % 3 {
            0 => bench.put(forwarder(0xf1, top)),
            1 => bench.program(&relay("call_contract", top)),
            _ => bench.program(&relay("delegate_call_contract", top)),
        };
    }
    let (outcome, trace) = bench.trace(top, order(0, ALICE, 9));
    assert!(outcome.result.is_success(), "{outcome:?}");
    let depths: Vec<_> = trace.calls.iter().map(|(depth, _)| *depth).collect();
    assert_eq!(depths, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(trace.calls[6].1, token);
    assert_eq!(trace.logs, 1);
    assert_eq!(output(&bench.call(top, order(2, ALICE, 0))).to_vec(), amount(9));
    // A revert at the bottom comes up with its data through every layer.
    let refused = bench.send(top, order(1, ALICE, 1), 0);
    assert!(is_revert(&refused));
    assert_eq!(output(&refused).to_vec(), amount(1));
}

#[test]
fn value_reaches_the_callee_and_comes_back_on_failure() {
    let mut bench = Bench::new();
    let sink = bench.put(vec![0x00]);
    let relay_to_sink = bench.program(&relay("call_contract", sink));
    assert!(bench.send(relay_to_sink, [], 7).result.is_success());
    assert_eq!(bench.balance(sink), U256::from(7));
    let broken = bench.put(vec![0xfe]);
    let relay_to_broken = bench.program(&relay("call_contract", broken));
    assert!(is_revert(&bench.send(relay_to_broken, [], 7)));
    assert_eq!(bench.balance(broken), U256::ZERO);
}

#[test]
fn static_frames_change_nothing() {
    let mut bench = Bench::new();
    let writers = [
        (
            "storage_flush_cache",
            "(call $storage_cache_bytes32 (i32.const 0) (i32.const 64))
            (call $storage_flush_cache (i32.const 0))",
        ),
        ("transient_store_bytes32", "(call $transient_store_bytes32 (i32.const 0) (i32.const 0))"),
        ("emit_log", "(call $emit_log (i32.const 0) (i32.const 0) (i32.const 0))"),
        (
            "create1",
            "(call $create1 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 64))",
        ),
    ];
    for (name, body) in writers {
        let imports = if name == "storage_flush_cache" {
            vec![name, "storage_cache_bytes32"]
        } else {
            vec![name]
        };
        let body = format!("(i32.store8 (i32.const 64) (i32.const 1)) {body} (i32.const 0)");
        let writer = bench.program(&module(&imports, 1, &body));
        assert!(bench.send(writer, [], 0).result.is_success(), "{name}");
        for outer in [
            bench.put(forwarder(0xfa, writer)),
            bench.program(&relay("static_call_contract", writer)),
        ] {
            let outcome = bench.send(outer, [], 0);
            assert!(is_revert(&outcome), "{name}: {outcome:?}");
            assert!(output(&outcome).is_empty(), "{name}");
        }
    }
    // Reading and caching are allowed, also below another program.
    let imports = ["storage_load_bytes32", "storage_cache_bytes32"];
    let body = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 64)) (i32.const 0)";
    let reader = bench.program(&module(&imports, 1, body));
    let inner = bench.program(&relay("call_contract", reader));
    let outer = bench.program(&relay("static_call_contract", inner));
    assert!(bench.send(outer, [], 0).result.is_success());
}

#[test]
fn reverts_undo_everything_below() {
    let mut bench = Bench::new();
    let imports = [
        "storage_cache_bytes32",
        "storage_flush_cache",
        "transient_store_bytes32",
        "emit_log",
        "write_result",
    ];
    let body = "(i32.store8 (i32.const 64) (i32.const 1))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 64))
        (call $storage_flush_cache (i32.const 0))
        (call $transient_store_bytes32 (i32.const 0) (i32.const 64))
        (call $emit_log (i32.const 0) (i32.const 0) (i32.const 0))
        (call $write_result (i32.const 64) (i32.const 3)) (i32.const 9)";
    let sinner = bench.program(&module(&imports, 1, body));
    // Swallows the failure and returns its status and data.
    let call = format!(
        "{} (i32.store (i32.const 200) (call $call_contract (i32.const 64) (i32.const 0)
            (i32.const 0) (i32.const 96) (i64.const -1) (i32.const 204)))
        (drop (call $read_return_data (i32.const 208) (i32.const 0) (i32.const 8)))
        (call $write_result (i32.const 200) (i32.const 16)) (i32.const 0)",
        sinner
            .iter()
            .enumerate()
            .map(|(i, b)| format!("(i32.store8 (i32.const {}) (i32.const {b}))", 64 + i))
            .collect::<String>()
    );
    let imports = ["call_contract", "read_return_data", "write_result"];
    let outer = bench.program(&module(&imports, 1, &call));
    let outcome = bench.send(outer, [], 0);
    assert!(outcome.result.is_success());
    assert!(outcome.result.logs().is_empty());
    let data = output(&outcome);
    assert_eq!(data[..8], [2, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(data[8..11], [1, 0, 0]);
    assert_eq!(bench.slot(sinner, 0), U256::ZERO);
}

#[test]
fn a_frame_knows_when_it_is_re_entered() {
    let mut bench = Bench::new();
    // With calldata: tell the flag. Without: call back through the sender's forwarder.
    let flag = bench.put(vec![]);
    let imports =
        ["msg_reentrant", "write_result", "read_args", "call_contract", "read_return_data"];
    let body = "
        (if (local.get $len) (then
            (i32.store8 (i32.const 0) (call $msg_reentrant))
            (call $write_result (i32.const 0) (i32.const 1))
            (return (i32.const 0))))
        (i32.store8 (i32.const 82) (i32.const 0xee))
        (i32.store8 (i32.const 83) (i32.const 0xee))
        (drop (call $call_contract (i32.const 64) (i32.const 0) (i32.const 1) (i32.const 96)
            (i64.const -1) (i32.const 200)))
        (drop (call $read_return_data (i32.const 1) (i32.const 0) (i32.const 1)))
        (i32.store8 (i32.const 0) (call $msg_reentrant))
        (call $write_result (i32.const 0) (i32.const 2))
        (i32.const 0)";
    let program = bench.program(&module(&imports, 1, body));
    let back = Address::left_padding_from(&[0xee, 0xee]);
    for (opcode, inner) in [(0xf1, 1), (0xfa, 1), (0xf4, 0)] {
        let code = Bytecode::new_legacy(forwarder(opcode, program).into());
        bench.db.insert_account_info(back, AccountInfo::default().with_code(code));
        let data = output(&bench.call(program, []));
        // Delegated frames are not counted: they act for the forwarder.
        assert_eq!(data.to_vec(), [0, inner], "opcode {opcode:x}");
    }
    assert_eq!(output(&bench.call(program, [1])).to_vec(), [0]);
    assert_ne!(flag, program);
}

/// A program that creates from its calldata and returns address (20) and length (4).
pub fn creator(salted: bool) -> String {
    let (name, salt) = if salted { ("create2", "(i32.const 32)") } else { ("create1", "") };
    let body = format!(
        "(call $read_args (i32.const 1024))
        (i32.store8 (i32.const 63) (i32.const 5))
        (call ${name} (i32.const 1024) (local.get $len) (i32.const 0) {salt} (i32.const 100)
            (i32.const 120))
        (drop (call $read_return_data (i32.const 124) (i32.const 0) (i32.const 32)))
        (call $write_result (i32.const 100) (i32.const 56)) (i32.const 0)"
    );
    module(&["read_args", name, "write_result", "read_return_data"], 2, &body)
}

/// Init code that returns `code`.
pub fn init_code(code: &[u8]) -> Vec<u8> {
    let mut init = vec![0x7f];
    init.extend(word(code.len() as u64));
    init.extend([0x80, 0x60, 0x2b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3, 0x00]);
    init.extend(code);
    init
}

#[test]
fn programs_create_contracts_and_programs() {
    let mut bench = Bench::new();
    let plain = bench.program(&creator(false));
    let salted = bench.program(&creator(true));
    let stylus = compress_classic(&wat::parse_str(token()).unwrap());
    for code in [vec![0x60, 0x00], stylus] {
        let init = init_code(&code);
        let nonce = bench.db.basic(plain).unwrap().unwrap_or_default().nonce;
        let data = output(&bench.send(plain, init.clone(), 0));
        assert_eq!(data[..20], plain.create(nonce)[..]);
        let data = output(&bench.send(salted, init.clone(), 0));
        let made = salted.create2(word(5), keccak256(&init));
        assert_eq!(data[..20], made[..]);
        assert_eq!(data[20..24], [0; 4]);
        let info = bench.db.basic(made).unwrap().unwrap();
        assert_eq!(info.code_hash, keccak256(&code));
        // The same again collides: address zero, no data.
        let data = output(&bench.send(salted, init, 0));
        assert_eq!(data[..24], [0; 24]);
    }
    // Revert data of the init code arrives.
    let reverting = [0x60, 0xab, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xfd];
    let data = output(&bench.send(plain, reverting, 0));
    assert_eq!(data[..25], [[0; 20].as_slice(), &[1, 0, 0, 0, 0xab]].concat());
}

//! Programs that misbehave: they end, they pay, and they take nothing else down.

use devnet::{
    stylus::{code::compress_classic, prices::prices},
    vm::Outcome,
};

use super::{
    abi::*,
    modules::{MEMORY, body, with},
    support::*,
};

/// Runs a body in a program of its own.
fn run(body_text: &str) -> Outcome {
    let mut bench = Bench::new();
    let program = bench.program(&body(body_text));
    bench.send(program, [], 0)
}

#[test]
fn loops_end_when_the_ink_does() {
    let outcome = run("(loop $l (br $l))");
    assert!(is_halt(&outcome));
    assert_eq!(outcome.error_text().unwrap(), "out of gas");
    assert_eq!(gas(&outcome), 30_000_000);
}

#[test]
fn traps_revert_and_keep_the_gas() {
    for text in [
        "unreachable",
        "(drop (i32.load (i32.const 65536)))",
        "(drop (i32.div_s (local.get 0) (i32.const 0)))",
        "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))",
        "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))",
        "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
    ] {
        let outcome = run(text);
        assert!(is_revert(&outcome), "{text}: {outcome:?}");
        assert!(output(&outcome).is_empty());
        assert!(gas(&outcome) < 40_000, "{text}: {}", gas(&outcome));
    }
}

#[test]
fn floats_cannot_be_afforded() {
    let outcome = run("(drop (f32.const 1))");
    assert_eq!(outcome.error_text().unwrap(), "out of gas");
}

#[test]
fn bulk_operators_pay_for_their_size() {
    let outcome = run("(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))");
    // 4 GiB at 100 ink is more than all gas: out of ink before the bounds are looked at.
    assert_eq!(outcome.error_text().unwrap(), "out of gas");
}

#[test]
fn recursion_runs_out_of_stack_words() {
    let wat = format!(
        r#"(module {MEMORY}
            (func $f (export "user_entrypoint") (param i32) (result i32)
                (call $f (local.get 0))))"#
    );
    let mut bench = Bench::new();
    let program = bench.program(&wat);
    let outcome = bench.send(program, [], 0);
    assert!(is_halt(&outcome));
    assert_eq!(outcome.error_text().unwrap(), "max call depth exceeded");
    assert_eq!(gas(&outcome), 30_000_000);
    // ArbOS 40 allows far deeper stacks; the native stack must hold them.
    let mut bench = Bench::at(40);
    let program = bench.program(&wat);
    let outcome = bench.send(program, [], 0);
    assert!(is_halt(&outcome), "{outcome:?}");
}

#[test]
fn the_number_of_frames_that_fit_is_exact() {
    // $f: frame = 2 (block header over an empty stack; one operand is less) + 4 = 6 words,
    // the entry: 2 + 4. Recursing n deep needs 6 (n + 1) words and one to spare.
    let wat = format!(
        r#"(module {MEMORY}
            (func $f (param i32)
                (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "user_entrypoint") (param i32) (result i32)
                (call $f (i32.load (i32.const 0))) (i32.const 0)))"#
    );
    let with_depth = |n: u32| {
        let bytes: String = n.to_le_bytes().iter().map(|b| format!("\\{b:02x}")).collect();
        wat.replace("(func $f", &format!("(data (i32.const 0) \"{bytes}\") (func $f"))
    };
    let fits = |n: u32| {
        let mut bench = Bench::new();
        let program = bench.program(&with_depth(n));
        bench.send(program, [], 0).result.is_success()
    };
    // $f holds two operands when it subtracts: 2 + 2 for the header of that block's start
    // height 0: worst 2, frame 6. Entry frame 6. (22000 - 1 - 6) / 6 frames of $f.
    let most = (22_000 - 1 - 6) / 6;
    assert!(fits(most - 1), "depth {}", most - 1);
    assert!(!fits(most), "depth {most}");
}

#[test]
fn memory_bombs_are_paid_for_or_refused() {
    let wat = |pages: u32| {
        format!(
            r#"(module (import "vm_hooks" "pay_for_memory_grow" (func $pay (param i32)))
                (memory (export "memory") 0)
                (func (export "user_entrypoint") (param i32) (result i32)
                    (memory.grow (i32.const {pages})) (i32.const -1) i32.eq))"#
        )
    };
    let mut bench = Bench::new();
    let modest = bench.program(&wat(20));
    assert!(bench.send(modest, [], 0).result.is_success());
    for pages in [128, 129, 65_535] {
        let bomb = bench.program(&wat(pages));
        let outcome = bench.send(bomb, [], 0);
        assert_eq!(outcome.error_text().as_deref(), Some("out of gas"), "{pages}");
    }
    // 65536 pages count as none, and memory.grow refuses them.
    let bomb = bench.program(&wat(65_536));
    assert!(is_revert(&bench.send(bomb, [], 0)));
}

#[test]
fn programs_calling_themselves_reach_the_depth_limit_safely() {
    let mut bench = Bench::new();
    let imports = ["contract_address", "call_contract", "read_return_data", "write_result"];
    // Calls itself; returns the callee's number plus one.
    let body = "(call $contract_address (i32.const 64))
        (drop (call $call_contract (i32.const 64) (i32.const 0) (i32.const 0) (i32.const 96)
            (i64.const -1) (i32.const 200)))
        (drop (call $read_return_data (i32.const 0) (i32.const 0) (i32.const 4)))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (call $write_result (i32.const 0) (i32.const 4)) (i32.const 0)";
    let program = bench.program(&module(&imports, 0, body).replace("0 0)", "1 1)"));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(program), vec![], 0);
    tx.gas_limit = 1 << 60;
    tx.gas_price = 0;
    // Pages limit the nesting to 128 unless they are free: use none above the limit.
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Call).unwrap();
    let depth = u32::from_le_bytes(output(&outcome)[..4].try_into().unwrap());
    assert!(depth >= 128, "{depth}");
}

#[test]
fn a_thousand_frames_of_programs_and_contracts() {
    let mut bench = Bench::new();
    // A program without memory pages in use: forwards to the EVM contract that calls it back.
    let back = revm::primitives::Address::left_padding_from(&[0xee, 0xee]);
    let body = "(i32.store8 (i32.const 82) (i32.const 0xee))
        (i32.store8 (i32.const 83) (i32.const 0xee))
        (call $call_contract (i32.const 64) (i32.const 0) (i32.const 0) (i32.const 96)
            (i64.const -1) (i32.const 200))";
    let program = bench.program(&module(&["call_contract"], 1, body));
    let code = revm::bytecode::Bytecode::new_legacy(forwarder(0xf1, program).into());
    bench.db.insert_account_info(back, revm::state::AccountInfo::default().with_code(code));
    let (outcome, trace) = bench.trace(program, []);
    assert!(!outcome.result.is_success());
    assert!(trace.calls.len() > 60, "{}", trace.calls.len());
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

#[test]
fn bad_code_reverts_activation_and_bad_modules_burn_it() {
    let mut bench = Bench::new();
    let broken = bench.put(vec![0xEF, 0xF0, 0x00, 0x00, 0xff, 0xff]);
    assert!(is_revert(&bench.activate(broken)));
    let dictionary = bench.put(vec![0xEF, 0xF0, 0x00, 0x02, 0x06]);
    assert!(is_revert(&bench.activate(dictionary)));
    let plain = bench.put(vec![0x60, 0x00]);
    let outcome = bench.activate(plain);
    assert!(is_revert(&outcome) && output(&outcome).is_empty());
    let nobody = bench.activate(revm::primitives::Address::repeat_byte(9));
    assert_eq!(output(&nobody)[..4], [0x27, 0xf3, 0x82, 0x12]);
    let invalid = bench.put(compress_classic(b"\0asm\x01\0\0\0"));
    let outcome = bench.activate(invalid);
    assert!(is_halt(&outcome));
    let text = outcome.error_text().unwrap();
    assert!(text.starts_with("program activation failed: "), "{text}");
    // Too big once unpacked.
    let bomb = bench.put(compress_classic(&vec![0; 131_073]));
    assert!(is_revert(&bench.activate(bomb)));
}

#[test]
fn calls_of_programs_that_are_not_active_lose_all_gas() {
    let mut bench = Bench::new();
    let program = bench.put_wat(&with(""));
    let outcome = bench.call(program, []);
    assert_eq!(outcome.error_text().unwrap(), "error ProgramNotActivated()");
    assert_eq!(gas(&outcome), 30_000_000);
    bench.activate(program);
    assert!(bench.call(program, []).result.is_success());
    bench.next_block(366 * 86_400);
    let text = bench.call(program, []).error_text().unwrap();
    assert!(text.starts_with("error ProgramExpired("), "{text}");
    assert!(bench.activate(program).result.is_success());
    assert!(bench.call(program, []).result.is_success());
}

/// A database that fails when one slot is read.
struct Failing(revm::database::InMemoryDB);

impl revm::Database for Failing {
    type Error = Broken;

    fn basic(
        &mut self,
        address: revm::primitives::Address,
    ) -> Result<Option<revm::state::AccountInfo>, Broken> {
        self.0.basic(address).map_err(|_| Broken)
    }

    fn code_by_hash(
        &mut self,
        hash: revm::primitives::B256,
    ) -> Result<revm::bytecode::Bytecode, Broken> {
        self.0.code_by_hash(hash).map_err(|_| Broken)
    }

    fn storage(
        &mut self,
        address: revm::primitives::Address,
        slot: revm::primitives::U256,
    ) -> Result<revm::primitives::U256, Broken> {
        if slot == revm::primitives::U256::from(0xdead) {
            return Err(Broken);
        }
        self.0.storage(address, slot).map_err(|_| Broken)
    }

    fn block_hash(&mut self, number: u64) -> Result<revm::primitives::B256, Broken> {
        self.0.block_hash(number).map_err(|_| Broken)
    }
}

#[derive(Debug, Clone, Copy)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("disk on fire")
    }
}

impl std::error::Error for Broken {}
impl revm::database_interface::DBErrorMarker for Broken {}

#[test]
fn a_failing_database_ends_suspended_programs_with_an_error() {
    let mut bench = Bench::new();
    let load = "(i32.store16 (i32.const 30) (i32.const 0xadde))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)";
    let inner = bench.program(&module(&["storage_load_bytes32"], 1, load));
    let evm = bench.put(forwarder(0xf1, inner));
    let at: String = evm
        .iter()
        .enumerate()
        .map(|(i, b)| format!("(i32.store8 (i32.const {}) (i32.const {b}))", 64 + i))
        .collect();
    let call = format!(
        "{at} (call $call_contract (i32.const 64) (i32.const 0) (i32.const 0) (i32.const 96)
            (i64.const -1) (i32.const 200))"
    );
    let outer = bench.program(&module(&["call_contract"], 1, &call));
    assert!(bench.send(outer, [], 0).result.is_success());
    let tx = bench.tx(revm::primitives::TxKind::Call(outer), vec![], 0);
    let mut failing = Failing(bench.db.clone());
    let error =
        bench.vm.transact(&mut failing, &bench.block, tx, devnet::vm::Mode::Call).unwrap_err();
    assert!(error.to_string().contains("disk on fire"), "{error}");
}

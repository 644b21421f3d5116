//! Modules to throw at a node: random bytes, random valid modules, hostile ones, broken ones.

use arbitrary::{Result, Unstructured};
use std::sync::LazyLock;
use wasm_smith::{Config, Module};

/// Everything a random module may import.
const IMPORTS: &str = r#"(module
    (import "vm_hooks" "read_args" (func (param i32)))
    (import "vm_hooks" "write_result" (func (param i32 i32)))
    (import "vm_hooks" "exit_early" (func (param i32)))
    (import "vm_hooks" "storage_load_bytes32" (func (param i32 i32)))
    (import "vm_hooks" "storage_cache_bytes32" (func (param i32 i32)))
    (import "vm_hooks" "storage_flush_cache" (func (param i32)))
    (import "vm_hooks" "transient_load_bytes32" (func (param i32 i32)))
    (import "vm_hooks" "transient_store_bytes32" (func (param i32 i32)))
    (import "vm_hooks" "call_contract" (func (param i32 i32 i32 i32 i64 i32) (result i32)))
    (import "vm_hooks" "delegate_call_contract" (func (param i32 i32 i32 i64 i32) (result i32)))
    (import "vm_hooks" "static_call_contract" (func (param i32 i32 i32 i64 i32) (result i32)))
    (import "vm_hooks" "create1" (func (param i32 i32 i32 i32 i32)))
    (import "vm_hooks" "create2" (func (param i32 i32 i32 i32 i32 i32)))
    (import "vm_hooks" "read_return_data" (func (param i32 i32 i32) (result i32)))
    (import "vm_hooks" "return_data_size" (func (result i32)))
    (import "vm_hooks" "emit_log" (func (param i32 i32 i32)))
    (import "vm_hooks" "account_balance" (func (param i32 i32)))
    (import "vm_hooks" "account_code" (func (param i32 i32 i32 i32) (result i32)))
    (import "vm_hooks" "account_code_size" (func (param i32) (result i32)))
    (import "vm_hooks" "account_codehash" (func (param i32 i32)))
    (import "vm_hooks" "msg_reentrant" (func (result i32)))
    (import "vm_hooks" "msg_value" (func (param i32)))
    (import "vm_hooks" "evm_gas_left" (func (result i64)))
    (import "vm_hooks" "evm_ink_left" (func (result i64)))
    (import "vm_hooks" "math_div" (func (param i32 i32)))
    (import "vm_hooks" "math_pow" (func (param i32 i32)))
    (import "vm_hooks" "math_mul_mod" (func (param i32 i32 i32)))
    (import "vm_hooks" "native_keccak256" (func (param i32 i32 i32)))
    (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
    (import "console" "log_i64" (func (param i64)))
    (import "console" "log_txt" (func (param i32 i32))))"#;
/// What a program must export.
const EXPORTS: &str = r#"(module
    (memory (export "memory") 1 8)
    (func (export "user_entrypoint") (param i32) (result i32) unreachable))"#;

static SHAPES: LazyLock<[Option<Vec<u8>>; 2]> =
    LazyLock::new(|| [IMPORTS, EXPORTS].map(|text| wat::parse_str(text).ok()));

/// One module.
pub fn module(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let wasm = match u.int_in_range(0..=9)? {
        0 => u.bytes(u.len() / 2)?.to_vec(),
        1..=4 => random(u)?,
        _ => hostile(u)?,
    };
    if u.ratio(1, 4)? { broken(u, wasm) } else { Ok(wasm) }
}

/// A valid module that mostly is an acceptable program.
fn random(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let plain = u.ratio(7, 8)?;
    let config = Config {
        available_imports: SHAPES[0].clone(),
        exports: SHAPES[1].clone(),
        allow_start_export: !plain,
        allow_floats: !plain,
        bulk_memory_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        max_memories: 1,
        max_memory32_bytes: 1 << 20,
        max_tables: 1,
        max_table_elements: 256,
        memory64_enabled: false,
        min_funcs: 1,
        multi_value_enabled: !plain,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: !plain,
        tail_call_enabled: false,
        threads_enabled: false,
        ..Config::default()
    };
    Ok(Module::new(config, u)?.to_bytes())
}

/// A program that wants too much of something.
fn hostile(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let n: u32 = match u.int_in_range(0..=3)? {
        0 => u.int_in_range(0..=8)?,
        1 => u.int_in_range(0..=4_096)?,
        2 => u.int_in_range(0..=1 << 20)?,
        _ => u.arbitrary()?,
    };
    let pages = u.int_in_range(1..=160)?;
    let gas: i64 = u.arbitrary()?;
    let body = attack(u.int_in_range(0..=13)?, n, gas);
    let locals = "(local i64)".repeat(n as usize % 340);
    let most = if u.arbitrary()? { pages } else { 128 };
    let text = format!(
        r#"(module
        (import "vm_hooks" "pay_for_memory_grow" (func $pay (param i32)))
        (import "vm_hooks" "contract_address" (func $self (param i32)))
        (import "vm_hooks" "call_contract"
            (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
        (import "vm_hooks" "delegate_call_contract"
            (func $delegate (param i32 i32 i32 i64 i32) (result i32)))
        (import "vm_hooks" "create1" (func $create (param i32 i32 i32 i32 i32)))
        (import "vm_hooks" "emit_log" (func $log (param i32 i32 i32)))
        (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
        (import "vm_hooks" "storage_cache_bytes32" (func $cache (param i32 i32)))
        (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
        (import "vm_hooks" "native_keccak256" (func $keccak (param i32 i32 i32)))
        (import "vm_hooks" "read_return_data"
            (func $reread (param i32 i32 i32) (result i32)))
        (import "vm_hooks" "account_code"
            (func $code (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") {pages} {most})
        (func $deep (param i32) (result i32) {locals}
            (if (result i32) (local.get 0)
                (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
                (else (i32.const 0))))
        (func (export "user_entrypoint") (param i32) (result i32) (local i32)
            {body} (i32.const 0)))"#
    );
    wat::parse_str(text).map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// What a hostile program does, with a number of its kind.
fn attack(kind: u32, n: u32, gas: i64) -> String {
    match kind {
        0 => "(loop $l (br $l))".to_owned(),
        1 => format!("(local.set 1 (call $deep (i32.const {n})))"),
        2 => format!("(loop $l (drop (memory.grow (i32.const {n}))) (br $l))"),
        3 => format!("(call $pay (i32.const {n})) (drop (memory.grow (i32.const {n})))"),
        // Calls itself twice, and so on.
        4 => format!(
            "(call $self (i32.const 0)) (drop (call $call (i32.const 0) (i32.const 0)
                (i32.const {n}) (i32.const 32) (i64.const {gas}) (i32.const 64)))
             (drop (call $delegate (i32.const 0) (i32.const 0) (i32.const 4)
                (i64.const -1) (i32.const 64)))"
        ),
        5 => format!(
            "(loop $l (call $create (i32.const 0) (i32.const {n}) (i32.const 32) (i32.const 64)
                (i32.const 96)) (br $l))"
        ),
        6 => format!("(loop $l (call $log (i32.const 0) (i32.const {n}) (i32.const 0)) (br $l))"),
        7 => format!("(call $write_result (i32.const 0) (i32.const {n}))"),
        8 => "(loop $l (i32.store (i32.const 28) (i32.add (i32.load (i32.const 28))
                (i32.const 1))) (call $cache (i32.const 0) (i32.const 0)) (br $l))"
            .to_owned(),
        9 => "(loop $l (i32.store (i32.const 28) (i32.add (i32.load (i32.const 28))
                (i32.const 1))) (call $cache (i32.const 0) (i32.const 0))
                (call $flush (i32.const 1)) (br $l))"
            .to_owned(),
        10 => format!("(call $keccak (i32.const 0) (i32.const {n}) (i32.const 0))"),
        11 => format!(
            "(memory.fill (i32.const 0) (i32.const 7) (i32.const {n}))
             (memory.copy (i32.const {n}) (i32.const 1) (i32.const {n}))"
        ),
        12 => format!("(drop (call $reread (i32.const 0) (i32.const {n}) (i32.const -1)))"),
        _ => format!(
            "(loop $l (drop (call $code (i32.const 0) (i32.const {n}) (i32.const {n})
                (i32.const 32))) (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0))
                (i32.const 1))) (br $l))"
        ),
    }
}

/// The module with a few bytes changed, or its end cut off.
fn broken(u: &mut Unstructured<'_>, mut wasm: Vec<u8>) -> Result<Vec<u8>> {
    if wasm.is_empty() {
        return Ok(wasm);
    }
    for _ in 0..u.int_in_range(1..=4)? {
        let at = u.choose_index(wasm.len())?;
        wasm[at] = u.arbitrary()?;
    }
    if u.ratio(1, 8)? {
        wasm.truncate(u.choose_index(wasm.len())?);
    }
    Ok(wasm)
}

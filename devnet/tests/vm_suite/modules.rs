//! Which modules are programs, and which are refused.

use devnet::stylus::{ModuleError, module::Rules, rewrite::prepare};

pub const ENTRY: &str = r#"(func (export "user_entrypoint") (param i32) (result i32) i32.const 0)"#;

pub const MEMORY: &str = r#"(memory (export "memory") 1 1)"#;

fn refusal(wat: &str) -> ModuleError {
    refusal_at(wat, 51)
}

fn refusal_at(wat: &str, arbos: u64) -> ModuleError {
    let wasm = wat::parse_str(wat).expect("valid text");
    match prepare(&wasm, Rules { arbos, debug: false }) {
        Ok(_) => panic!("accepted: {wat}"),
        Err(error) => error,
    }
}

fn accepted(wat: &str, arbos: u64, debug: bool) {
    let wasm = wat::parse_str(wat).expect("valid text");
    if let Err(error) = prepare(&wasm, Rules { arbos, debug }) {
        panic!("refused {wat}: {error}");
    }
}

pub fn with(parts: &str) -> String {
    format!("(module {parts} {MEMORY} {ENTRY})")
}

pub fn body(body: &str) -> String {
    format!(
        r#"(module {MEMORY}
            (func (export "user_entrypoint") (param i32) (result i32) {body} i32.const 0))"#
    )
}

#[test]
fn modules_that_are_refused() {
    let cases = [
        ("no memory", format!("(module {ENTRY})")),
        ("no entry", format!("(module {MEMORY})")),
        (
            "entry of another type",
            format!(r#"(module {MEMORY} (func (export "user_entrypoint")))"#),
        ),
        (
            "imported entry",
            format!(
                r#"(module (import "vm_hooks" "account_code_size"
                    (func $f (param i32) (result i32)))
                    {MEMORY} (export "user_entrypoint" (func $f)))"#
            ),
        ),
        ("imported memory", format!(r#"(module (import "vm_hooks" "m" (memory 1)) {ENTRY})"#)),
        ("imported global", with(r#"(import "vm_hooks" "g" (global i32))"#)),
        ("unknown import", with(r#"(import "vm_hooks" "no_such" (func))"#)),
        ("unknown module", with(r#"(import "env" "read_args" (func (param i32)))"#)),
        ("import of another type", with(r#"(import "vm_hooks" "read_args" (func))"#)),
        ("console off debug chains", with(r#"(import "console" "log_i32" (func (param i32)))"#)),
        ("reserved import", with(r#"(import "vm_hooks" "stylus_x" (func))"#)),
        ("reserved export", with(r#"(func (export "stylus_x"))"#)),
        ("reserved export suffix", with(r#"(func (export "a__stylus"))"#)),
        (
            "export named as an import",
            with(
                r#"(import "vm_hooks" "read_args" (func (param i32)))
                (func (export "x__read_args"))"#,
            ),
        ),
        ("start function", with("(func $s) (start $s)")),
        ("growing memory unpaid", format!(r#"(module (memory (export "memory") 1) {ENTRY})"#)),
        ("129 pages", format!(r#"(module (memory (export "memory") 129 129) {ENTRY})"#)),
        ("data out of bounds", with(r#"(data (i32.const 65535) "ab")"#)),
        ("data at a global", with(r#"(global $g i32 i32.const 0) (data (global.get $g) "a")"#)),
        ("elements out of bounds", with("(table 1 funcref) (func $f) (elem (i32.const 1) $f)")),
        ("4097 table entries", with("(table 4097 funcref)")),
        ("float arithmetic", body("(drop (f32.add (f32.const 1) (f32.const 1)))")),
        ("float conversion", body("(drop (i32.trunc_f32_s (f32.const 1)))")),
        ("float comparison", body("(drop (f64.eq (f64.const 1) (f64.const 1)))")),
        ("simd", body("(drop (v128.const i32x4 0 0 0 0))")),
        ("reference types", body("(drop (ref.is_null (ref.null func)))")),
        ("tail call", body("(return_call 0 (i32.const 0))")),
        ("table operators", with("(table 1 funcref) (func (drop (table.size 0)))")),
        ("349 locals", body(&format!("(local {})", "i32 ".repeat(349)))),
        ("two tables", with("(table 1 funcref) (table 1 funcref)")),
    ];
    for (what, wat) in cases {
        let wasm = wat::parse_str(&wat).unwrap_or_else(|error| panic!("{what}: {error}"));
        let result = prepare(&wasm, Rules { arbos: 51, debug: false });
        assert!(result.is_err(), "{what} was accepted");
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    let error = refusal(&format!(r#"(module (memory (export "memory") 1) {ENTRY})"#));
    assert!(error.to_string().contains("pay_for_memory_grow"), "{error}");
    let error = refusal(&body(&format!("(local {})", "i64 ".repeat(349))));
    assert_eq!(error, ModuleError::Limit { what: "locals", count: 349, limit: 348 });
}

#[test]
fn limits_are_inclusive() {
    accepted(&body(&format!("(local {})", "i32 ".repeat(348))), 51, false);
    accepted(&with("(table 4096 funcref)"), 51, false);
    accepted(&format!(r#"(module (memory (export "memory") 128 128) {ENTRY})"#), 51, false);
    let segments = |n: usize| with(&r#"(data (i32.const 0) "a")"#.repeat(n));
    accepted(&segments(128), 51, false);
    refusal(&segments(129));
    let nops = |n: usize| body(&"nop ".repeat(n));
    // n + 2 operators, one block: 12 + 13 + 4 more
    accepted(&nops(65_536 - 2 - 29), 51, false);
    refusal(&nops(65_536 - 2 - 28));
    let deep = |n: usize| body(&format!("{}{}", "i32.const 0 ".repeat(n), "drop ".repeat(n)));
    accepted(&deep(4096), 51, false);
    refusal(&deep(4097));
}

#[test]
fn quirk_09_element_limits_count_encoded_bytes() {
    // One segment of one-byte entries: flags, offset (3), end... 4090 entries fit, 4091 do not.
    let entries = |n: usize| {
        with(&format!("(table 4096 funcref) (func $f) (elem (i32.const 0) {})", "$f ".repeat(n)))
    };
    accepted(&entries(4090), 51, false);
    refusal(&entries(4091));
}

#[test]
fn what_versions_and_debug_chains_change() {
    let two = "(type $t (func (result i32 i32)))";
    let multi = format!(
        r#"(module {two} {MEMORY} (func $f (type $t) i32.const 1 i32.const 2)
            (func (export "user_entrypoint") (param i32) (result i32)
                call $f drop drop i32.const 0))"#
    );
    accepted(&multi, 51, false);
    refusal_at(&multi, 60);
    let console = with(
        r#"(import "console" "log_i32" (func (param i32)))
        (import "console" "log_txt" (func (param i32 i32)))
        (import "console" "tee_f64" (func (param f64) (result f64)))"#,
    );
    accepted(&console, 51, true);
    accepted(&with("(func $s) (start $s)"), 51, true);
}

#[test]
fn quirk_14_a_data_count_section_is_refused() {
    let plain = wat::parse_str(with(r#"(data "passive")"#)).unwrap();
    // The assembler writes a data count only when an operator needs it: insert one.
    let code = section_start(&plain, 10);
    let mut counted = plain.clone();
    counted.splice(code..code, [12, 1, 1]);
    let rules = Rules { arbos: 51, debug: false };
    assert!(prepare(&plain, rules).is_ok());
    assert!(prepare(&counted, rules).is_err());
}

/// Offset of a section's id byte.
fn section_start(wasm: &[u8], id: u8) -> usize {
    let mut at = 8;
    while wasm[at] != id {
        let (mut size, mut shift, mut next) = (0usize, 0, at + 1);
        loop {
            let byte = wasm[next];
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            next += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at = next + size;
    }
    at
}

#[test]
fn garbage_never_panics() {
    let good = wat::parse_str(with(r#"(data (i32.const 0) "abc")"#)).unwrap();
    let rules = Rules { arbos: 51, debug: false };
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let _ = prepare(&bad, rules);
        }
        let _ = prepare(&good[..at], rules);
    }
}

#[test]
fn padded_immediates_are_refused() {
    let wat = with("(table 1 funcref) (func (call_indirect (i32.const 0)))");
    let plain = wat::parse_str(&wat).unwrap();
    let rules = Rules { arbos: 51, debug: false };
    assert!(prepare(&plain, rules).is_ok());
    // Pad the table index from 00 to 80 00: two sizes grow by one.
    let code = section_start(&plain, 10);
    let call = code + plain[code..].windows(2).position(|b| b == [0x41, 0x00]).unwrap() + 2;
    assert_eq!((plain[call], plain[call + 2]), (0x11, 0));
    let mut padded = plain.clone();
    padded[code + 1] += 1;
    // The function's size stands before its (empty) list of locals.
    padded[call - 4] += 1;
    padded[call + 2] = 0x80;
    padded.insert(call + 3, 0);
    assert!(wasmparser_accepts_overlong(&padded), "the patched module is well formed");
    let error = prepare(&padded, rules).unwrap_err();
    assert!(error.to_string().contains("zero byte expected"), "{error}");
}

/// Whether a lenient engine takes a module.
fn wasmparser_accepts_overlong(wasm: &[u8]) -> bool {
    wasmtime::Module::validate(&wasmtime::Engine::default(), wasm).is_ok()
}

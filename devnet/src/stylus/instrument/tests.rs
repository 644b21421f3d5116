//! Instrumented bodies against costs and heights derived by hand.

use proptest::prelude::*;

use super::{super::module::Rules, *};

const RULES: Rules = Rules { arbos: 51, debug: false };

fn body(wat: &str) -> (Vec<Operator<'static>>, u64) {
    let wasm: &'static [u8] = Vec::leak(wat::parse_str(wat).unwrap());
    let mut module = Module::parse(wasm, RULES).unwrap();
    let total = instrument(&mut module).unwrap();
    (module.functions[0].ops.clone(), total)
}

fn program(body: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1 1)
            (func (export "user_entrypoint") (param i32) (result i32) {body}))"#
    )
}

/// Constants compared with ink left, in order: the price of each block.
fn block_costs(ops: &[Operator<'_>]) -> Vec<i64> {
    ops.windows(2)
        .filter_map(|pair| match pair {
            [Operator::I64Const { value }, Operator::I64LtU] => Some(*value),
            _ => None,
        })
        .collect()
}

fn frame(ops: &[Operator<'_>]) -> i32 {
    match ops[1] {
        Operator::I32Const { value } => value,
        ref other => panic!("no frame size but {other:?}"),
    }
}

#[test]
fn a_straight_body_is_one_block() {
    let (ops, total) = body(&program("(i32.add (local.get 0) (i32.const 1)) drop i32.const 0"));
    // local.get 75, const 1, add 70, drop 9, const 1, end 1, header 2450
    assert_eq!(block_costs(&ops), [2607]);
    // n = 6, B = 1, R = 0
    assert_eq!(total, 6 + 12 + 13 + 4);
    assert_eq!(ops.len() as u64, total);
    // two operands, two for the block header's check at height 0 do not exceed that
    assert_eq!(frame(&ops), 2 + 4);
}

#[test]
fn loops_branches_and_returns_cut_blocks() {
    let (ops, total) =
        body(&program("(loop $l (br_if $l (local.get 0)) (return (i32.const 0))) unreachable"));
    // loop | local.get br_if | const return | end (of the loop) | unreachable end
    assert_eq!(block_costs(&ops), [2451, 2450 + 75 + 765, 2452, 2451, 2452]);
    let (n, blocks, returns) = (8, 5, 1);
    assert_eq!(total, n + 12 * blocks + 13 + 4 * (returns + 1));
}

#[test]
fn bulk_operators_pay_by_size_and_need_three_more_words() {
    let (ops, total) =
        body(&program("(memory.fill (i32.const 0) (i32.const 0) (i32.const 9)) i32.const 0"));
    assert_eq!(block_costs(&ops), [2450 + 3 + 950 + 1 + 1]);
    assert_eq!(total, 6 + 12 + 17 + 13 + 4);
    assert_eq!(frame(&ops), 3 + 3 + 4);
}

#[test]
fn growing_memory_calls_the_host_with_the_operand() {
    let wat = r#"(module
        (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
        (memory (export "memory") 1)
        (func (export "user_entrypoint") (param i32) (result i32)
            (drop (memory.grow (i32.const 2))) i32.const 0))"#;
    let (ops, total) = body(wat);
    assert_eq!(total, 5 + 12 + 13 + 4 + 4);
    let grow = ops.iter().position(|op| matches!(op, Operator::MemoryGrow { .. })).unwrap();
    assert_eq!(ops[grow - 1], Operator::Call { function_index: 0 });
}

#[test]
fn locals_count_but_parameters_do_not() {
    let (plain, _) = body(&program("i32.const 0"));
    let (locals, _) = body(&program("(local i64 i32 i32) i32.const 0"));
    assert_eq!(frame(&locals), frame(&plain) + 3);
}

#[test]
fn block_headers_add_two_words_above_the_height_at_their_start() {
    // The second block starts at height 1 (the constant stays under the `if`).
    let (ops, _) = body(&program("i32.const 7 local.get 0 if nop end"));
    assert_eq!(frame(&ops), 3 + 4);
}

#[test]
fn float_constants_make_their_block_unaffordable() {
    let (ops, _) = body(&program("f32.const 1 drop i32.const 0"));
    assert_eq!(block_costs(&ops), [-1]);
}

/// Random statements that leave the stack as it was, `depth` blocks deep at most.
fn statement() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("nop".to_owned()),
        Just("(drop (i32.mul (local.get 0) (i32.const 3)))".to_owned()),
        Just("(local.set 0 (i32.clz (local.get 0)))".to_owned()),
        Just("(i64.store (i32.const 8) (i64.load (i32.const 16)))".to_owned()),
        Just("(drop (select (local.get 0) (i32.const 1) (i32.const 2)))".to_owned()),
        Just("(memory.copy (i32.const 0) (i32.const 8) (i32.const 8))".to_owned()),
        Just("(if (local.get 0) (then (return (i32.const 1))))".to_owned()),
        Just(
            "(drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))"
                .to_owned()
        ),
        Just("(drop (memory.grow (i32.const 0)))".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let list = proptest::collection::vec(inner, 1..4).prop_map(|all| all.join(" "));
        prop_oneof![
            list.clone().prop_map(|s| format!("(block {s} (br_if 0 (local.get 0)))")),
            list.clone().prop_map(|s| format!("(loop {s})")),
            (list.clone(), list.clone())
                .prop_map(|(a, b)| format!("(if (local.get 0) (then {a}) (else {b}))")),
            list.prop_map(|s| format!("(block (block (br_table 0 1 0 (local.get 0))) {s})")),
        ]
    })
}

proptest! {
    #[test]
    fn instrumented_modules_are_valid_and_counted(
        body in proptest::collection::vec(statement(), 0..6),
        grows: bool,
    ) {
        let memory = if grows { "1" } else { "1 1" };
        let wat = format!(
            r#"(module
                (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
                (table 1 funcref) (memory (export "memory") {memory})
                (func $f (export "user_entrypoint") (param i32) (result i32)
                    {} (i32.const 0))
                (elem (i32.const 0) $f))"#,
            body.join(" ")
        );
        let wasm = wat::parse_str(&wat).unwrap();
        let module = Module::parse(&wasm, RULES).unwrap();
        let ops = &module.functions[0].ops;
        let count = |wanted: fn(&Operator<'_>) -> bool| {
            ops.iter().filter(|op| wanted(op)).count() as u64
        };
        let bulk = count(|op| matches!(op, Operator::MemoryCopy { .. }));
        let returns = count(|op| matches!(op, Operator::Return));
        let grown = if grows { count(|op| matches!(op, Operator::MemoryGrow { .. })) } else { 0 };
        let expected = ops.len() as u64
            + 12 * count(meter::ends_block)
            + 17 * bulk
            + 13
            + 4 * (returns + 1)
            + 4 * grown;

        let mut instrumented = module.clone();
        prop_assert_eq!(instrument(&mut instrumented).unwrap(), expected);
        let prepared = crate::stylus::rewrite::prepare(&wasm, RULES).unwrap();
        wasmparser::validate(&prepared.wasm).unwrap();
    }
}

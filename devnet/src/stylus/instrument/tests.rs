//! Instrumented bodies against costs and heights derived by hand.

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

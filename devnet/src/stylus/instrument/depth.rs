//! Stack words: every call takes its worst-case frame and gives it back on return.

use wasmparser::{BlockType, Operator};

use super::Scope;
use crate::stylus::module::{Module, ModuleError};

/// Words every frame costs on top of its values.
const FRAME_OVERHEAD: u32 = 4;
/// Highest worst-case number of operands.
const MAX_HEIGHT: u32 = 4096;
/// Largest frame in words.
const MAX_FRAME: u32 = 10_240;

/// Adds the entry check and the give-backs to one function.
pub(super) fn check<'a>(
    scope: Scope<'_, 'a>,
    mut ops: Vec<Operator<'a>>,
    locals: u32,
) -> Result<Vec<Operator<'a>>, ModuleError> {
    let worst = worst_height(scope.module, &ops);
    limit("operands on the stack", worst, MAX_HEIGHT)?;
    let frame = worst + locals + FRAME_OVERHEAD;
    limit("words in a stack frame", frame, MAX_FRAME)?;

    let mut out = Vec::with_capacity(ops.len() + 17);
    out.extend(enter(scope, frame));
    let end = ops.pop();
    for op in ops.into_iter().chain([Operator::Return]) {
        if matches!(op, Operator::Return) {
            out.extend(leave(scope, frame));
        }
        out.push(op);
    }
    out.extend(end);
    Ok(out)
}

fn limit(what: &'static str, count: u32, limit: u32) -> Result<(), ModuleError> {
    if count > limit {
        return Err(ModuleError::Limit { what, count: count.into(), limit: limit.into() });
    }
    Ok(())
}

fn enter<'a>(scope: Scope<'_, 'a>, frame: u32) -> [Operator<'a>; 12] {
    let global_index = scope.added.stack;
    let value = frame.cast_signed();
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value },
        Operator::I32LeU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: 0 },
        Operator::GlobalSet { global_index },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index },
        Operator::I32Const { value },
        Operator::I32Sub,
        Operator::GlobalSet { global_index },
    ]
}

fn leave<'a>(scope: Scope<'_, 'a>, frame: u32) -> [Operator<'a>; 4] {
    let global_index = scope.added.stack;
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value: frame.cast_signed() },
        Operator::I32Add,
        Operator::GlobalSet { global_index },
    ]
}

/// The running height and the highest it ever was; popping stops at zero.
#[derive(Debug, Default)]
struct Height {
    now: u32,
    worst: u32,
}

impl Height {
    fn push(&mut self, count: usize) {
        self.now += count as u32;
        self.worst = self.worst.max(self.now);
    }

    fn pop(&mut self, count: usize) {
        self.now = self.now.saturating_sub(count as u32);
    }
}

/// Worst-case operand count by the counting rules, which give unreachable code no
/// special treatment.
pub(super) fn worst_height(module: &Module<'_>, ops: &[Operator<'_>]) -> u32 {
    let mut height = Height::default();
    let mut scopes = vec![0];
    for op in ops {
        match op {
            Operator::Block { blockty } | Operator::Loop { blockty } => {
                enter_block(module, &mut height, *blockty);
                scopes.push(height.now);
            }
            Operator::If { blockty } => {
                height.pop(1);
                enter_block(module, &mut height, *blockty);
                scopes.push(height.now);
            }
            Operator::Else => height.now = scopes.last().copied().unwrap_or(0),
            Operator::End => height.now = scopes.pop().unwrap_or(0),
            Operator::Call { function_index } => {
                if let Some(ty) = module.function_type(*function_index) {
                    height.push(ty.results().len());
                    height.pop(ty.params().len());
                }
            }
            Operator::CallIndirect { type_index, .. } => {
                if let Some(ty) = module.types.get(*type_index as usize) {
                    height.push(ty.results().len());
                    height.pop(ty.params().len());
                }
                height.pop(1);
            }
            other => match effect(other) {
                1 => height.push(1),
                down => height.pop(down.unsigned_abs() as usize),
            },
        }
    }
    height.worst
}

fn enter_block(module: &Module<'_>, height: &mut Height, ty: BlockType) {
    match ty {
        BlockType::Empty => {}
        BlockType::Type(_) => height.push(1),
        BlockType::FuncType(index) => {
            if let Some(ty) = module.types.get(index as usize) {
                height.push(ty.results().len());
                height.pop(ty.params().len());
            }
        }
    }
}

/// Net change of the height by a plain operator.
fn effect(op: &Operator<'_>) -> i32 {
    use Operator as O;
    match op {
        O::LocalGet { .. }
        | O::GlobalGet { .. }
        | O::MemorySize { .. }
        | O::I32Const { .. }
        | O::I64Const { .. }
        | O::F32Const { .. }
        | O::F64Const { .. } => 1,
        O::Select => -2,
        O::MemoryFill { .. } | O::MemoryCopy { .. } => -3,
        O::Nop | O::Unreachable | O::Br { .. } | O::Return | O::LocalTee { .. } => 0,
        O::MemoryGrow { .. } => 0,
        other if is_store(other) => -2,
        other if is_unary(other) => 0,
        // Drop, sets, conditional branches, and all binary operators and comparisons.
        _ => -1,
    }
}

const fn is_store(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        op,
        O::I32Store { .. }
            | O::I32Store8 { .. }
            | O::I32Store16 { .. }
            | O::I64Store { .. }
            | O::I64Store8 { .. }
            | O::I64Store16 { .. }
            | O::I64Store32 { .. }
            | O::F32Store { .. }
            | O::F64Store { .. }
    )
}

const fn is_unary(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        op,
        O::I32Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. }
            | O::I64Load { .. }
            | O::I64Load8S { .. }
            | O::I64Load8U { .. }
            | O::I64Load16S { .. }
            | O::I64Load16U { .. }
            | O::I64Load32S { .. }
            | O::I64Load32U { .. }
            | O::F32Load { .. }
            | O::F64Load { .. }
            | O::I32Eqz
            | O::I64Eqz
            | O::I32Clz
            | O::I32Ctz
            | O::I32Popcnt
            | O::I64Clz
            | O::I64Ctz
            | O::I64Popcnt
            | O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::I32Extend8S
            | O::I32Extend16S
            | O::I64Extend8S
            | O::I64Extend16S
            | O::I64Extend32S
            | O::I32ReinterpretF32
            | O::I64ReinterpretF64
            | O::F32ReinterpretI32
            | O::F64ReinterpretI64
    )
}

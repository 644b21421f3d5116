//! Ink: every basic block pays before it runs, bulk memory operators also by size.

use wasmparser::{BlockType, Operator};

use super::Scope;
use crate::stylus::{module::ModuleError, prices::prices};

/// Whether a basic block ends with this operator.
pub(super) const fn ends_block(op: &Operator<'_>) -> bool {
    matches!(
        op,
        Operator::End
            | Operator::Else
            | Operator::Return
            | Operator::Loop { .. }
            | Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::BrIf { .. }
            | Operator::If { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
    )
}

/// Puts a payment in front of every basic block.
pub(super) fn blocks<'a>(
    scope: Scope<'_, 'a>,
    ops: &[Operator<'a>],
) -> Result<Vec<Operator<'a>>, ModuleError> {
    let mut out = Vec::with_capacity(ops.len() * 2);
    let mut block = Vec::new();
    let mut cost = prices().block_header();
    for op in ops {
        let params = match op {
            Operator::CallIndirect { type_index, .. } => {
                scope.module.types.get(*type_index as usize).map_or(0, |ty| ty.params().len())
            }
            _ => 0,
        };
        let price = prices()
            .operator(op, params)
            .ok_or_else(|| ModuleError::unsupported(format!("unsupported opcode {op:?}")))?;
        cost = cost.saturating_add(price);
        block.push(op.clone());
        if ends_block(op) {
            out.extend(pay(scope, cost));
            out.append(&mut block);
            cost = prices().block_header();
        }
    }
    out.append(&mut block);
    Ok(out)
}

fn pay<'a>(scope: Scope<'_, 'a>, cost: u64) -> [Operator<'a>; 12] {
    let ink = scope.added.ink;
    let value = cost.cast_signed();
    [
        Operator::GlobalGet { global_index: ink },
        Operator::I64Const { value },
        Operator::I64LtU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: 1 },
        Operator::GlobalSet { global_index: scope.added.status },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index: ink },
        Operator::I64Const { value },
        Operator::I64Sub,
        Operator::GlobalSet { global_index: ink },
    ]
}

/// Puts a payment by size in front of `memory.fill` and `memory.copy`.
pub(super) fn bulk<'a>(scope: Scope<'_, 'a>, ops: Vec<Operator<'a>>) -> Vec<Operator<'a>> {
    let mut out = Vec::with_capacity(ops.len());
    for op in ops {
        if matches!(op, Operator::MemoryFill { .. } | Operator::MemoryCopy { .. }) {
            out.extend(pay_bulk(scope));
        }
        out.push(op);
    }
    out
}

fn pay_bulk<'a>(scope: Scope<'_, 'a>) -> [Operator<'a>; 17] {
    let ink = scope.added.ink;
    let scratch = scope.added.scratch;
    [
        Operator::GlobalSet { global_index: scratch },
        Operator::GlobalGet { global_index: ink },
        Operator::GlobalGet { global_index: ink },
        Operator::GlobalGet { global_index: scratch },
        Operator::I64ExtendI32U,
        Operator::I64Const { value: prices().bulk_byte().cast_signed() },
        Operator::I64Mul,
        Operator::I64Sub,
        Operator::GlobalSet { global_index: ink },
        Operator::GlobalGet { global_index: ink },
        Operator::I64LtU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: 1 },
        Operator::GlobalSet { global_index: scope.added.status },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index: scratch },
    ]
}

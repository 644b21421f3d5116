//! Memory: growing tells the host first, so that pages are paid for.

use wasmparser::Operator;

use super::Scope;

/// Puts a payment in front of every `memory.grow` of a memory that can grow.
pub(super) fn bound<'a>(scope: Scope<'_, 'a>, ops: Vec<Operator<'a>>) -> Vec<Operator<'a>> {
    let Some(function_index) = scope.pay_for_grow else { return ops };
    let global_index = scope.added.scratch;
    let mut out = Vec::with_capacity(ops.len());
    for op in ops {
        if matches!(op, Operator::MemoryGrow { .. }) {
            out.extend([
                Operator::GlobalSet { global_index },
                Operator::GlobalGet { global_index },
                Operator::GlobalGet { global_index },
                Operator::Call { function_index },
            ]);
        }
        out.push(op);
    }
    out
}

//! The passes that make a function body pay ink and stack words as it runs.
//!
//! Each pass works on the operators the one before produced, because heights and counts
//! are defined over instrumented code.

mod depth;
mod heap;
mod meter;

use wasmparser::Operator;

use super::{
    module::{Module, ModuleError},
    validate::{HOOKS, PAY_FOR_GROW},
};

/// Most operators a function may have once instrumented.
const MAX_OPERATORS: u64 = 65_536;

/// Indices of the globals that instrumentation adds after the module's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// Ink left, i64.
    pub ink: u32,
    /// 1 once ink ran out, i32.
    pub status: u32,
    /// Parks an operand, i32.
    pub scratch: u32,
    /// Stack words left, i32.
    pub stack: u32,
}

impl Added {
    pub(super) const fn after(globals: usize) -> Self {
        let first = globals as u32;
        Self { ink: first, status: first + 1, scratch: first + 2, stack: first + 3 }
    }
}

/// What the passes need to know about the whole module.
#[derive(Clone, Copy, Debug)]
struct Scope<'m, 'a> {
    module: &'m Module<'a>,
    added: Added,
    pay_for_grow: Option<u32>,
}

/// Instruments all functions in place and returns how many operators they have then.
///
/// # Errors
/// Frames or functions that become too large.
pub(super) fn instrument(module: &mut Module<'_>) -> Result<u64, ModuleError> {
    let memory = module.memory();
    let fixed = memory.maximum == Some(memory.initial);
    let pay = module.imports.iter().position(|i| i.module == HOOKS && i.name == PAY_FOR_GROW);
    let scope = Scope {
        module,
        added: Added::after(module.globals.len()),
        pay_for_grow: pay.filter(|_| !fixed).map(|index| index as u32),
    };
    let bodies = module
        .functions
        .iter()
        .map(|function| {
            let locals: u32 = function.locals.iter().map(|(count, _)| *count).sum();
            let ops = meter::blocks(scope, &function.ops)?;
            let ops = meter::bulk(scope, ops);
            let ops = depth::check(scope, ops, locals)?;
            let ops = heap::bound(scope, ops);
            let count = ops.len() as u64;
            if count > MAX_OPERATORS {
                return Err(ModuleError::Limit {
                    what: "operators in a function",
                    count,
                    limit: MAX_OPERATORS,
                });
            }
            Ok(ops)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let total = bodies.iter().map(|ops: &Vec<Operator<'_>>| ops.len() as u64).sum();
    for (function, ops) in module.functions.iter_mut().zip(bodies) {
        function.ops = ops;
    }
    Ok(total)
}

#[cfg(test)]
mod tests;

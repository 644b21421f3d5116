//! Numbers fixed at activation: what a program costs to start, to keep and to activate.

use super::{
    module::{Counts, Module, ModuleError},
    prices::prices,
    validate::ADDED_GLOBALS,
};

/// Everything activation computes from a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationNumbers {
    /// Start cost in units of the init scalar.
    pub init_cost: u16,
    /// Start cost when cached.
    pub cached_init_cost: u16,
    /// Estimated size of the compiled program in bytes.
    pub asm_estimate: u32,
    /// Pages a call opens at once.
    pub footprint: u16,
    /// Gas of the steps that depend on the module, in the order they are charged.
    pub variable_gas: [u64; 6],
}

impl ActivationNumbers {
    /// The whole variable charge in gas.
    #[must_use]
    pub fn total_variable_gas(&self) -> u64 {
        self.variable_gas.iter().sum()
    }
}

/// Sizes of a module before instrumentation, and the operators after.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    functions: u64,
    type_len: u64,
    wasm_len: u64,
    globals: u64,
    segments: u64,
    pages: u64,
}

/// Computes the numbers of an instrumented module.
///
/// # Errors
/// A cost that does not fit its field.
pub(super) fn numbers(
    module: &Module<'_>,
    operators: u64,
    arbos: u64,
) -> Result<ActivationNumbers, ModuleError> {
    let counts = module.counts;
    let sizes = Sizes {
        functions: module.functions.len() as u64,
        type_len: module
            .functions
            .iter()
            .filter_map(|function| module.types.get(function.ty as usize))
            .map(|ty| (ty.params().len() + ty.results().len()) as u64)
            .sum(),
        wasm_len: counts.wasm_len,
        globals: module.globals.len() as u64 + ADDED_GLOBALS,
        segments: counts.data_encoded + counts.element_encoded,
        pages: module.memory().initial,
    };
    let cached = cached_init_cost(sizes);
    let version_1 = if arbos < 31 { cached } else { 0 };
    Ok(ActivationNumbers {
        init_cost: fit(init_cost(sizes) + version_1, "init cost too high")?,
        cached_init_cost: fit(cached, "cached cost too high")?,
        asm_estimate: fit(asm_estimate(sizes), "program is too large")?,
        footprint: module.footprint(),
        variable_gas: variable_gas(counts, sizes, operators, arbos),
    })
}

fn fit<T: TryFrom<u64>>(value: u64, text: &str) -> Result<T, ModuleError> {
    T::try_from(value).map_err(|_| ModuleError::unsupported(text))
}

fn init_cost(sizes: Sizes) -> u64 {
    let rates = &prices().activation().init_cost_v2;
    rates.functions.of(sizes.functions)
        + rates.type_len.of(sizes.type_len)
        + rates.wasm_bytes.of(sizes.wasm_len)
}

fn cached_init_cost(sizes: Sizes) -> u64 {
    let rates = &prices().activation().cached_init_cost;
    rates.functions.of(sizes.functions)
        + rates.type_len.of(sizes.type_len)
        + rates.wasm_bytes.of(sizes.wasm_len)
        + rates.globals_with_4_added.of(sizes.globals)
        + rates.segment_bytes.of(sizes.segments)
        + rates.initial_pages.of(sizes.pages)
}

fn asm_estimate(sizes: Sizes) -> u64 {
    let rates = &prices().activation().asm_estimate;
    rates.base
        + rates.functions.of(sizes.functions)
        + rates.type_len.of(sizes.type_len)
        + rates.wasm_bytes.of(sizes.wasm_len)
}

fn variable_gas(counts: Counts, sizes: Sizes, operators: u64, arbos: u64) -> [u64; 6] {
    let rates = &prices().activation().microseconds;
    let bytes = if arbos >= 32 { sizes.wasm_len } else { 0 };
    [
        rates.wasm_bytes.of(bytes),
        rates.functions.of(sizes.functions),
        rates.data_payload_bytes.of(counts.data_payload),
        rates.element_segment_bytes.of(counts.element_encoded),
        rates.initial_pages.of(sizes.pages),
        rates.instrumented_operators.of(operators),
    ]
    .map(|microseconds| prices().activation().gas_per_microsecond * microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes {
        functions: 200,
        type_len: 700,
        wasm_len: 58_440,
        globals: 9,
        segments: 5000,
        pages: 2,
    };

    #[test]
    fn every_term_is_floored_by_itself() {
        assert_eq!(init_cost(SIZES), 1650 + 741 + 7515);
        assert_eq!(cached_init_cost(SIZES), 26 + 71 + 14 + 3762 + 10);
        assert_eq!(asm_estimate(SIZES), 512_000 + 199_365 + 7991 + 365_998);
    }

    #[test]
    fn the_variable_charge_is_in_whole_microseconds() {
        let counts = Counts { data_payload: 4800, element_encoded: 150, ..Counts::default() };
        let gas = variable_gas(counts, SIZES, 90_000, 51);
        assert_eq!(gas, [18_544, 34, 834, 26, 4434, 48_150].map(|us| 28 * us));
        assert_eq!(variable_gas(counts, SIZES, 90_000, 31)[0], 0);
    }
}

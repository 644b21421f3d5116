//! Numbers fixed at activation: what a program costs to start, to keep and to activate.

use super::{
    module::{Module, ModuleError},
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

fn share(section: &str, term: &str, count: u64) -> u64 {
    let pair = &prices().activation()[section][term];
    let (mul, div) = match pair.as_array() {
        Some(pair) => (pair[0].as_u64(), pair[1].as_u64()),
        None => (pair["mul"].as_u64(), pair["div"].as_u64()),
    };
    count * mul.unwrap_or(0) / div.unwrap_or(1)
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
        variable_gas: variable_gas(module, sizes, operators, arbos),
    })
}

fn fit<T: TryFrom<u64>>(value: u64, text: &str) -> Result<T, ModuleError> {
    T::try_from(value).map_err(|_| ModuleError::unsupported(text))
}

fn init_cost(sizes: Sizes) -> u64 {
    let part = |term, count| share("init_cost_v2", term, count);
    part("functions", sizes.functions)
        + part("type_len", sizes.type_len)
        + part("wasm_bytes", sizes.wasm_len)
}

fn cached_init_cost(sizes: Sizes) -> u64 {
    let part = |term, count| share("cached_init_cost", term, count);
    part("functions", sizes.functions)
        + part("type_len", sizes.type_len)
        + part("wasm_bytes", sizes.wasm_len)
        + part("globals_with_4_added", sizes.globals)
        + part("segment_bytes", sizes.segments)
        + part("initial_pages", sizes.pages)
}

fn asm_estimate(sizes: Sizes) -> u64 {
    let part = |term, count| share("asm_estimate", term, count);
    prices().activation()["asm_estimate"]["base"].as_u64().unwrap_or(0)
        + part("functions", sizes.functions)
        + part("type_len", sizes.type_len)
        + part("wasm_bytes", sizes.wasm_len)
}

fn variable_gas(module: &Module<'_>, sizes: Sizes, operators: u64, arbos: u64) -> [u64; 6] {
    let unit = prices().activation()["gas_per_microsecond"].as_u64().unwrap_or(0);
    let part = |term, count| unit * share("microseconds", term, count);
    let bytes = if arbos >= 32 { sizes.wasm_len } else { 0 };
    [
        part("wasm_bytes", bytes),
        part("functions", sizes.functions),
        part("data_payload_bytes", module.counts.data_payload),
        part("element_segment_bytes", module.counts.element_encoded),
        part("initial_pages", sizes.pages),
        part("instrumented_operators", operators),
    ]
}

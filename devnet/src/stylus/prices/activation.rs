//! Rates by which activation charges and computes a program's numbers.

use serde::Deserialize;

/// Rates of activation; every term is floored by itself.
#[derive(Debug, Deserialize)]
pub struct Activation {
    /// Gas charged before anything is looked at.
    pub fixed_gas: u64,
    /// Gas per microsecond of the variable charge.
    pub gas_per_microsecond: u64,
    /// Microseconds by size.
    pub microseconds: Microseconds,
    /// Bytes of compiled code by size.
    pub asm_estimate: AsmEstimate,
    /// Cost of a cached start by size.
    pub cached_init_cost: CachedInitCost,
    /// Cost of a start by size.
    pub init_cost_v2: InitCost,
}

/// A fraction that a count is multiplied with.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "RateShape")]
pub struct Rate {
    mul: u64,
    div: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RateShape {
    Pair([u64; 2]),
    Named { mul: u64, div: u64 },
}

impl From<RateShape> for Rate {
    fn from(shape: RateShape) -> Self {
        match shape {
            RateShape::Pair([mul, div]) | RateShape::Named { mul, div } => Self { mul, div },
        }
    }
}

impl Rate {
    /// The term for a count, rounded down.
    #[must_use]
    pub const fn of(self, count: u64) -> u64 {
        count * self.mul / self.div
    }
}

/// Rates of the variable activation charge.
#[derive(Debug, Deserialize)]
pub struct Microseconds {
    /// Per byte of the module.
    pub wasm_bytes: Rate,
    /// Per function.
    pub functions: Rate,
    /// Per byte of data.
    pub data_payload_bytes: Rate,
    /// Per encoded byte of element segments.
    pub element_segment_bytes: Rate,
    /// Per initial page.
    pub initial_pages: Rate,
    /// Per operator after instrumentation.
    pub instrumented_operators: Rate,
}

/// Rates of the compiled size.
#[derive(Debug, Deserialize)]
pub struct AsmEstimate {
    /// Bytes of any program.
    pub base: u64,
    /// Per function.
    pub functions: Rate,
    /// Per parameter and result.
    pub type_len: Rate,
    /// Per byte of the module.
    pub wasm_bytes: Rate,
}

/// Rates of a cached start.
#[derive(Debug, Deserialize)]
pub struct CachedInitCost {
    /// Per function.
    pub functions: Rate,
    /// Per parameter and result.
    pub type_len: Rate,
    /// Per byte of the module.
    pub wasm_bytes: Rate,
    /// Per global, the added ones included.
    pub globals_with_4_added: Rate,
    /// Per encoded byte of data and element segments.
    pub segment_bytes: Rate,
    /// Per initial page.
    pub initial_pages: Rate,
}

/// Rates of a start.
#[derive(Debug, Deserialize)]
pub struct InitCost {
    /// Per function.
    pub functions: Rate,
    /// Per parameter and result.
    pub type_len: Rate,
    /// Per byte of the module.
    pub wasm_bytes: Rate,
}

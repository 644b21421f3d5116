//! Ink and gas prices, read once from the price sheet that is compiled in.

mod activation;

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;
use wasmparser::Operator;

pub use activation::{Activation, Rate};

/// The whole price sheet.
#[derive(Debug, Deserialize)]
pub struct Prices {
    block_header: u64,
    memory_fill_per_byte: u64,
    opcodes: HashMap<String, OpcodePrice>,
    opcodes_accepted_but_unaffordable: Unaffordable,
    hostio: HashMap<String, HostPrice>,
    memory_exponents: Vec<u64>,
    activation: Activation,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OpcodePrice {
    Flat(u64),
    Scaled {
        base: u64,
        #[serde(alias = "per_target", alias = "per_param")]
        each: u64,
    },
}

#[derive(Debug, Deserialize)]
struct Unaffordable {
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct HostPrice {
    params: Vec<String>,
    results: Vec<String>,
    base_ink: u64,
    #[serde(default)]
    require_gas: u64,
}

/// A broken sheet would be a broken build: the file is part of the binary and tested.
#[expect(clippy::expect_used, reason = "the sheet is compiled in and covered by a test")]
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let mut sheet: Prices = serde_json::from_str(include_str!("../../data/ink-prices.json"))
        .expect("the compiled-in price sheet parses");
    let opcodes = std::mem::take(&mut sheet.opcodes);
    sheet.opcodes = opcodes.into_iter().map(|(name, price)| (visitor_name(&name), price)).collect();
    for name in &sheet.opcodes_accepted_but_unaffordable.names {
        sheet.opcodes.insert(visitor_name(name), OpcodePrice::Flat(u64::MAX));
    }
    sheet
});

fn visitor_name(opcode: &str) -> String {
    format!("visit_{}", opcode.replace('.', "_"))
}

/// The compiled-in price sheet.
#[must_use]
pub fn prices() -> &'static Prices {
    &PRICES
}

macro_rules! operator_names {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
        fn operator_name(op: &Operator<'_>) -> &'static str {
            match op {
                $( Operator::$op { .. } => stringify!($visit), )*
                _ => "unknown",
            }
        }
    };
}
wasmparser::for_each_operator!(operator_names);

impl Prices {
    /// Ink of one operator; `params` is the parameter count of a `call_indirect`'s type.
    /// `None` for operators that no program may contain.
    #[must_use]
    pub fn operator(&self, op: &Operator<'_>, params: usize) -> Option<u64> {
        Some(match (self.opcodes.get(operator_name(op))?, op) {
            (OpcodePrice::Flat(ink), _) => *ink,
            (OpcodePrice::Scaled { base, each }, Operator::BrTable { targets }) => {
                base + each * u64::from(targets.len())
            }
            (OpcodePrice::Scaled { base, each }, _) => base + each * params as u64,
        })
    }

    /// Ink that every basic block pays on top of its operators.
    #[must_use]
    pub const fn block_header(&self) -> u64 {
        self.block_header
    }

    /// Ink per byte of `memory.fill` and `memory.copy`.
    #[must_use]
    pub const fn bulk_byte(&self) -> u64 {
        self.memory_fill_per_byte
    }

    /// Ink taken at the start of a host function.
    #[must_use]
    pub fn host_base(&self, name: &str) -> u64 {
        self.hostio.get(name).map_or(0, |host| host.base_ink)
    }

    /// Gas that must be in hand before a host function works.
    #[must_use]
    pub fn host_needs(&self, name: &str) -> u64 {
        self.hostio.get(name).map_or(0, |host| host.require_gas)
    }

    /// Parameter and result types of a `vm_hooks` function, as WAT names.
    #[must_use]
    pub fn host_signature(&self, name: &str) -> Option<(&[String], &[String])> {
        self.hostio.get(name).map(|host| (&host.params[..], &host.results[..]))
    }

    /// Names of all `vm_hooks` functions.
    pub fn host_names(&self) -> impl Iterator<Item = &str> {
        self.hostio.keys().map(String::as_str)
    }

    /// The exponential page price table, index = highest number of open pages.
    #[must_use]
    pub fn memory_exponents(&self) -> &[u64] {
        &self.memory_exponents
    }

    /// What activation charges and computes.
    #[must_use]
    pub const fn activation(&self) -> &Activation {
        &self.activation
    }
}

/// Ink for writing `bytes` into program memory.
#[must_use]
pub const fn write_ink(bytes: u64) -> u64 {
    5040 + 30 * bytes.saturating_sub(32)
}

/// Ink for reading `bytes` out of program memory.
#[must_use]
pub const fn read_ink(bytes: u64) -> u64 {
    16381 + 55 * bytes.saturating_sub(32)
}

/// Ink for a keccak256 over `bytes`.
#[must_use]
pub const fn keccak_ink(bytes: u64) -> u64 {
    121_800 + 21_000 * bytes.div_ceil(32).saturating_sub(2)
}

/// Ink for an exponentiation, by the big-endian exponent.
#[must_use]
pub fn pow_ink(exponent: &[u8; 32]) -> u64 {
    let zeros = exponent.iter().take_while(|byte| **byte == 0).count() as u64;
    3000 + 17_500 * (33 - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheet_parses_and_names_match_the_parser() {
        let sheet = prices();
        assert_eq!(sheet.hostio.len(), 42);
        assert_eq!(sheet.memory_exponents.len(), 129);
        assert_eq!(sheet.operator(&Operator::I32Mul, 0), Some(160));
        assert_eq!(sheet.operator(&Operator::I64Extend32S, 0), Some(100));
        assert_eq!(sheet.operator(&Operator::F32Add, 0), None);
        assert_eq!(sheet.operator(&Operator::F64ReinterpretI64, 0), Some(u64::MAX));
        assert_eq!(sheet.operator(&Operator::MemoryInit { data_index: 0, mem: 0 }, 0), None);
        let indirect = Operator::CallIndirect { type_index: 0, table_index: 0 };
        assert_eq!(sheet.operator(&indirect, 3), Some(13_610 + 3 * 650));
        assert_eq!(sheet.host_base("create2"), 88_233);
        assert_eq!(sheet.host_needs("storage_load_bytes32"), 2115);
    }

    #[test]
    fn every_priced_opcode_is_known_to_the_parser() {
        let mut known = std::collections::HashSet::new();
        macro_rules! collect {
            ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
                $( known.insert(stringify!($visit)); )*
            };
        }
        wasmparser::for_each_operator!(collect);
        for name in prices().opcodes.keys() {
            assert!(known.contains(name.as_str()), "{name} is priced but unknown");
        }
    }

    #[test]
    fn pow_prices_follow_the_exponent() {
        for (bytes, ink) in [(1, 61_520), (2, 79_020), (10, 219_020), (32, 604_020)] {
            let mut exponent = [0; 32];
            exponent[32 - bytes..].fill(1);
            assert_eq!(prices().host_base("math_pow") + pow_ink(&exponent), ink);
        }
    }
}

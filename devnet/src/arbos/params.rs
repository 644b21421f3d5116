//! The Stylus parameters of a chain, packed into one storage word.

use revm::primitives::U256;

use super::{
    space::Space,
    world::{Slots, StateError},
};
use crate::stylus::memory::PagePrice;

/// Everything about Stylus that a chain owner can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StylusParams {
    /// Stylus version.
    pub version: u16,
    /// Ink per gas, 24 bits.
    pub ink_price: u32,
    /// Stack words of a program.
    pub max_stack_depth: u32,
    /// Pages that cost nothing.
    pub free_pages: u16,
    /// Gas of a page.
    pub page_gas: u16,
    /// Most pages.
    pub page_limit: u16,
    /// Smallest start cost in units of 128 gas.
    pub min_init_gas: u8,
    /// Smallest cached start cost in units of 32 gas.
    pub min_cached_init_gas: u8,
    /// Share of the start cost in units of 2 %.
    pub init_cost_scalar: u8,
    /// Share of the cached start cost in units of 2 %.
    pub cached_cost_scalar: u8,
    /// Days until a program expires.
    pub expiry_days: u16,
    /// Days before it can be kept alive.
    pub keepalive_days: u16,
    /// Programs in the recent-program cache of a block.
    pub block_cache_size: u16,
    /// Most bytes of a decompressed module.
    pub max_wasm_size: u32,
    /// Most fragments of a program.
    pub max_fragments: u8,
}

/// Newest ArbOS version this node knows.
pub const NEWEST: u64 = 60;
/// Answer of `pageRamp()`; a constant.
pub const PAGE_RAMP: u64 = 620_674_314;
/// MaxWasmSize before it became a parameter, and its default.
const MAX_WASM_SIZE: u32 = 131_072;
/// No larger module can be activated, because its start cost would not fit its field: an owner
/// who allows more does not make the node unpack more.
pub(super) const USEFUL_WASM_SIZE: u32 = 1 << 20;

impl StylusParams {
    /// The parameters a chain starts with at an ArbOS version.
    #[must_use]
    pub const fn initial(arbos: u64) -> Self {
        let version = if arbos >= 31 { 2 } else { 1 };
        Self {
            version,
            ink_price: 10_000,
            max_stack_depth: if arbos >= 50 { 22_000 } else { 262_144 },
            free_pages: 2,
            page_gas: 1000,
            page_limit: 128,
            min_init_gas: if version == 2 { 69 } else { 72 },
            min_cached_init_gas: 11,
            init_cost_scalar: 50,
            cached_cost_scalar: 50,
            expiry_days: 365,
            keepalive_days: 31,
            block_cache_size: 32,
            max_wasm_size: if arbos >= 40 { MAX_WASM_SIZE } else { 0 },
            max_fragments: if arbos >= 60 { 2 } else { 0 },
        }
    }

    /// Changes what an upgrade from one ArbOS version to another changes.
    pub fn upgrade(&mut self, from: u64, to: u64) {
        let passes = |version| from < version && to >= version;
        if passes(31) {
            self.version = 2;
            self.min_init_gas = 69;
        }
        if passes(40) {
            self.max_wasm_size = MAX_WASM_SIZE;
        }
        if passes(50) {
            self.max_stack_depth = self.max_stack_depth.min(22_000);
        }
        if passes(60) {
            self.max_fragments = 2;
        }
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn load(slots: &mut dyn Slots) -> Result<Self, StateError> {
        Ok(Self::unpack(slots.slot(Space::programs(0).field(0))?))
    }

    /// Writes the parameters.
    ///
    /// # Errors
    /// When state cannot be written.
    pub fn store(&self, slots: &mut dyn Slots) -> Result<(), StateError> {
        slots.set_slot(Space::programs(0).field(0), self.pack())
    }

    /// Byte limit of a decompressed module.
    #[must_use]
    pub const fn wasm_limit(&self) -> usize {
        match self.max_wasm_size {
            0 => MAX_WASM_SIZE as usize,
            size if size > USEFUL_WASM_SIZE => USEFUL_WASM_SIZE as usize,
            size => size as usize,
        }
    }

    /// What memory pages cost.
    #[must_use]
    pub const fn page_price(&self) -> PagePrice {
        PagePrice { free: self.free_pages, gas: self.page_gas }
    }

    fn pack(&self) -> U256 {
        let mut word = [0; 32];
        word[0..2].copy_from_slice(&self.version.to_be_bytes());
        word[2..5].copy_from_slice(&self.ink_price.to_be_bytes()[1..]);
        word[5..9].copy_from_slice(&self.max_stack_depth.to_be_bytes());
        word[9..11].copy_from_slice(&self.free_pages.to_be_bytes());
        word[11..13].copy_from_slice(&self.page_gas.to_be_bytes());
        word[13..15].copy_from_slice(&self.page_limit.to_be_bytes());
        word[15] = self.min_init_gas;
        word[16] = self.min_cached_init_gas;
        word[17] = self.init_cost_scalar;
        word[18] = self.cached_cost_scalar;
        word[19..21].copy_from_slice(&self.expiry_days.to_be_bytes());
        word[21..23].copy_from_slice(&self.keepalive_days.to_be_bytes());
        word[23..25].copy_from_slice(&self.block_cache_size.to_be_bytes());
        word[25..29].copy_from_slice(&self.max_wasm_size.to_be_bytes());
        word[29] = self.max_fragments;
        U256::from_be_bytes(word)
    }

    fn unpack(word: U256) -> Self {
        let word = word.to_be_bytes::<32>();
        let short = |at: usize| u16::from_be_bytes([word[at], word[at + 1]]);
        let long =
            |at: usize| u32::from_be_bytes([word[at], word[at + 1], word[at + 2], word[at + 3]]);
        Self {
            version: short(0),
            ink_price: u32::from_be_bytes([0, word[2], word[3], word[4]]),
            max_stack_depth: long(5),
            free_pages: short(9),
            page_gas: short(11),
            page_limit: short(13),
            min_init_gas: word[15],
            min_cached_init_gas: word[16],
            init_cost_scalar: word[17],
            cached_cost_scalar: word[18],
            expiry_days: short(19),
            keepalive_days: short(21),
            block_cache_size: short(23),
            max_wasm_size: long(25),
            max_fragments: word[29],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_field() {
        for arbos in [30, 31, 40, 51, 60] {
            let params = StylusParams::initial(arbos);
            assert_eq!(StylusParams::unpack(params.pack()), params);
        }
        let word: [u8; 32] = StylusParams::initial(60).pack().to_be_bytes();
        assert_eq!(word[..5], [0, 2, 0, 0x27, 0x10]);
        assert_eq!(word[25..], [0, 2, 0, 0, 2, 0, 0]);
    }

    #[test]
    fn upgrading_step_by_step_ends_where_a_new_chain_starts() {
        let mut params = StylusParams::initial(30);
        for (from, to) in [(30, 32), (32, 51), (51, 60)] {
            params.upgrade(from, to);
        }
        assert_eq!(params, StylusParams::initial(60));
    }
}

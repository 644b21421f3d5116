//! Randomness that a seed repeats.

use alloy::primitives::{Address, B256, Bytes, U256};

/// A SplitMix64 generator with the draws that the tests need.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    /// A number of bytes or the like, below `bound`.
    pub fn size(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }

    /// Whether something of this many percent happens.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.size(from.len())].clone()
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.draw().to_le_bytes()[0]).collect()
    }

    /// Bytes of any length below `bound`, sometimes mostly zero.
    pub fn data(&mut self, bound: usize) -> Bytes {
        let length = self.size(bound);
        let mut bytes = self.bytes(length);
        if self.percent(30) {
            bytes.iter_mut().skip(1).for_each(|byte| *byte = 0);
        }
        bytes.into()
    }

    /// A word; mostly of the kind that finds mistakes.
    pub fn word(&mut self) -> U256 {
        let random = B256::from_slice(&self.bytes(32));
        match self.below(8) {
            0 => U256::ZERO,
            1 => U256::MAX,
            2 => U256::ONE << self.size(256),
            3 => U256::MAX << self.size(256),
            4 => random.into(),
            5 => U256::from(self.draw()),
            _ => U256::from(self.below(300)),
        }
    }

    /// An address that nobody has.
    pub fn address(&mut self) -> Address {
        Address::from_slice(&self.bytes(20))
    }
}

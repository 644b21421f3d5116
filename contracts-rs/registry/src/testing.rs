//! A chain's storage as a map, for the tests of the rules.

use alloy_primitives::{B256, U256};
use common::slots::Slots;
use std::collections::HashMap;

#[derive(Clone, Default, PartialEq)]
pub(crate) struct MapSlots(HashMap<U256, B256>);

impl MapSlots {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Slots for MapSlots {
    fn load(&self, slot: U256) -> B256 {
        self.0.get(&slot).copied().unwrap_or_default()
    }

    fn store(&mut self, slot: U256, word: B256) {
        self.0.insert(slot, word);
    }
}

//! The account's only record: its owner, in an ERC-7201 namespace.

use alloy_primitives::{Address, U256};
use common::slots::{Slots, namespace};

const OWNER: U256 = namespace("agentnexus.account");

/// The owner; zero before initialisation.
pub fn owner(slots: &impl Slots) -> Address {
    Address::from_word(slots.load(OWNER))
}

/// Replaces the owner. Writes one word.
pub fn set_owner(slots: &mut impl Slots, owner: Address) {
    slots.store(OWNER, owner.into_word());
}

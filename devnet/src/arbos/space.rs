//! Where things stand in ArbOS storage: nested spaces and their slots.

use revm::primitives::{Address, B256, U256};

use super::world::{Slots, StateError};
use crate::hashes::hash;

/// A space of the ArbOS account's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space(Vec<u8>);

/// Spaces of the root.
pub mod id {
    /// L1 pricing.
    pub const L1_PRICING: u8 = 0;
    /// L2 pricing.
    pub const L2_PRICING: u8 = 1;
    /// Addresses by number.
    pub const ADDRESS_TABLE: u8 = 3;
    /// Chain owners.
    pub const CHAIN_OWNERS: u8 = 4;
    /// Messages to the parent chain.
    pub const SEND_MERKLE: u8 = 5;
    /// Stylus programs.
    pub const PROGRAMS: u8 = 8;
}

/// Slots of the root space.
pub mod root {
    /// ArbOS version.
    pub const VERSION: u64 = 0;
    /// ArbOS version that is scheduled.
    pub const UPGRADE_VERSION: u64 = 1;
    /// When it comes into force, seconds since 1970.
    pub const UPGRADE_TIMESTAMP: u64 = 2;
    /// Account that receives L2 fees.
    pub const NETWORK_FEE_ACCOUNT: u64 = 3;
    /// Chain id.
    pub const CHAIN_ID: u64 = 4;
    /// Account that receives the minimum part of fees.
    pub const INFRA_FEE_ACCOUNT: u64 = 6;
    /// Brotli level for pricing calldata.
    pub const BROTLI_LEVEL: u64 = 7;
}

impl Space {
    /// The root space.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A space inside this one.
    #[must_use]
    pub fn sub(&self, id: u8) -> Self {
        self.named(&[id])
    }

    /// A space inside this one whose id is not a single byte.
    #[must_use]
    pub fn named(&self, id: &[u8]) -> Self {
        Self(hash(&[self.0.as_slice(), id].concat()).to_vec())
    }

    /// The Stylus space's inner spaces: 0 parameters, 1 programs, 2 module hashes, 3 data
    /// pricer, 4 cache managers, 5 activation gas.
    #[must_use]
    pub fn programs(id: u8) -> Self {
        Self::root().sub(id::PROGRAMS).sub(id)
    }

    /// Slot of a 32-byte key: neighbours in the last byte stay neighbours.
    #[must_use]
    pub fn slot(&self, key: B256) -> U256 {
        let (head, last) = key.split_at(31);
        let mut slot = hash(&[self.0.as_slice(), head].concat());
        slot.0[31] = last[0];
        slot.into()
    }

    /// Slot of a numbered field.
    #[must_use]
    pub fn field(&self, index: u64) -> U256 {
        self.slot(U256::from(index).into())
    }
}

/// A set of addresses: size, then members by position, and positions by member.
#[derive(Clone, Debug)]
pub struct AddressSet {
    items: Space,
    positions: Space,
}

impl AddressSet {
    /// The set kept in a space.
    #[must_use]
    pub fn new(space: Space) -> Self {
        Self { positions: space.sub(0), items: space }
    }

    fn position_slot(&self, member: Address) -> U256 {
        self.positions.slot(member.into_word())
    }

    /// Whether an address is a member.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn contains(&self, slots: &mut dyn Slots, member: Address) -> Result<bool, StateError> {
        Ok(!slots.slot(self.position_slot(member))?.is_zero())
    }

    /// All members in order of position.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn members(&self, slots: &mut dyn Slots) -> Result<Vec<Address>, StateError> {
        let size: u64 = slots.slot(self.items.field(0))?.saturating_to();
        (1..=size)
            .map(|index| Ok(Address::from_word(slots.slot(self.items.field(index))?.into())))
            .collect()
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn add(&self, slots: &mut dyn Slots, member: Address) -> Result<(), StateError> {
        if self.contains(slots, member)? {
            return Ok(());
        }
        let position: u64 = slots.slot(self.items.field(0))?.saturating_to::<u64>() + 1;
        slots.set_slot(self.position_slot(member), U256::from(position))?;
        slots.set_slot(self.items.field(position), member.into_word().into())?;
        slots.set_slot(self.items.field(0), U256::from(position))
    }

    /// Removes a member; the last one takes its position.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn remove(&self, slots: &mut dyn Slots, member: Address) -> Result<(), StateError> {
        let position: u64 = slots.slot(self.position_slot(member))?.saturating_to();
        if position == 0 {
            return Ok(());
        }
        slots.set_slot(self.position_slot(member), U256::ZERO)?;
        let size: u64 = slots.slot(self.items.field(0))?.saturating_to();
        if position < size {
            let last = slots.slot(self.items.field(size))?;
            slots.set_slot(self.items.field(position), last)?;
            let last = Address::from_word(last.into());
            slots.set_slot(self.position_slot(last), U256::from(position))?;
        }
        slots.set_slot(self.items.field(size), U256::ZERO)?;
        slots.set_slot(self.items.field(0), U256::from(size - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::genesis::MapSlots;

    #[test]
    fn last_byte_of_a_key_is_the_last_byte_of_its_slot() {
        let space = Space::root().sub(id::PROGRAMS);
        let slot: B256 = space.field(7).into();
        assert_eq!(slot[31], 7);
        assert_eq!(space.field(8) - space.field(7), U256::ONE);
        assert_ne!(space.field(0), Space::root().field(0));
    }

    #[test]
    fn sets_stay_dense_when_members_leave() {
        let mut slots = MapSlots::default();
        let set = AddressSet::new(Space::root().sub(id::CHAIN_OWNERS));
        let all: Vec<_> = (1..=3).map(Address::with_last_byte).collect();
        for member in &all {
            set.add(&mut slots, *member).unwrap();
            set.add(&mut slots, *member).unwrap();
        }
        set.remove(&mut slots, all[0]).unwrap();
        assert_eq!(set.members(&mut slots).unwrap(), [all[2], all[1]]);
        assert!(!set.contains(&mut slots, all[0]).unwrap());
        set.remove(&mut slots, all[1]).unwrap();
        set.remove(&mut slots, all[2]).unwrap();
        assert!(slots.values().all(|value| value.is_zero()));
    }
}

//! The base fee: a minimum that rises exponentially while blocks use more gas than the chain's
//! speed limit, beyond a tolerance.

use revm::{Database, primitives::U256};

use super::{Vm, VmError, upgrade::bare};
use crate::arbos::{
    genesis::{
        BACKLOG_FIELD, BASE_FEE_FIELD, INERTIA_FIELD, MIN_BASE_FEE_FIELD, SPEED_LIMIT_FIELD,
        TOLERANCE_FIELD,
    },
    programs::exponential_bips,
    space::{Space, id},
    world::{Slots, StateError},
};

/// Terms of the exponential's polynomial.
const ACCURACY: u64 = 4;

impl Vm {
    /// Base fee of the next block, in wei.
    ///
    /// # Errors
    /// When the database fails.
    pub fn base_fee<DB: Database>(&self, db: &mut DB) -> Result<u64, VmError> {
        let fee = bare(db, self.config().chain_id).slot(slot(BASE_FEE_FIELD))?;
        Ok(fee.saturating_to())
    }
}

fn slot(field: u64) -> U256 {
    Space::root().sub(id::L2_PRICING).field(field)
}

fn load(slots: &mut dyn Slots, field: u64) -> Result<u64, StateError> {
    Ok(slots.slot(slot(field))?.saturating_to())
}

fn store(slots: &mut dyn Slots, field: u64, value: u64) -> Result<bool, StateError> {
    let changed = load(slots, field)? != value;
    if changed {
        slots.set_slot(slot(field), U256::from(value))?;
    }
    Ok(changed)
}

/// Counts gas that a transaction used for computation.
pub(super) fn add_to_backlog(slots: &mut dyn Slots, gas: u64) -> Result<(), StateError> {
    let backlog = load(slots, BACKLOG_FIELD)?;
    store(slots, BACKLOG_FIELD, backlog.saturating_add(gas)).map(|_| ())
}

/// Works off what `passed` seconds allow, and sets the base fee of the block after this one.
/// Tells whether anything changed.
pub(super) fn update_price(slots: &mut dyn Slots, passed: u64) -> Result<bool, StateError> {
    let speed = load(slots, SPEED_LIMIT_FIELD)?;
    let backlog = load(slots, BACKLOG_FIELD)?.saturating_sub(passed.saturating_mul(speed));
    let tolerated = load(slots, TOLERANCE_FIELD)?.saturating_mul(speed);
    let minimum = load(slots, MIN_BASE_FEE_FIELD)?;
    let fee = match backlog.checked_sub(tolerated) {
        None | Some(0) => minimum,
        Some(excess) => {
            let inertia = load(slots, INERTIA_FIELD)?.saturating_mul(speed).max(1);
            let exponent = excess.saturating_mul(10_000) / inertia;
            minimum.saturating_mul(exponential_bips(exponent, ACCURACY)) / 10_000
        }
    };
    let changed = store(slots, BACKLOG_FIELD, backlog)?;
    Ok(store(slots, BASE_FEE_FIELD, fee)? || changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::genesis::{L2_PRICING, MIN_BASE_FEE, MapSlots};

    fn chain() -> MapSlots {
        let mut slots = MapSlots::default();
        for (field, value) in L2_PRICING {
            slots.set_slot(slot(field), U256::from(value)).unwrap();
        }
        slots
    }

    #[test]
    fn the_base_fee_rises_beyond_ten_seconds_of_backlog_and_falls_again() {
        let mut slots = chain();
        add_to_backlog(&mut slots, 70_000_000).unwrap();
        assert!(!update_price(&mut slots, 0).unwrap());
        assert_eq!(load(&mut slots, BASE_FEE_FIELD).unwrap(), MIN_BASE_FEE);
        // 714,000,000 more is one unit of the exponent: the four terms give 2.7083.
        add_to_backlog(&mut slots, 714_000_000).unwrap();
        assert!(update_price(&mut slots, 0).unwrap());
        assert_eq!(load(&mut slots, BASE_FEE_FIELD).unwrap(), 270_830_000);
        assert!(update_price(&mut slots, 102).unwrap());
        assert_eq!(load(&mut slots, BASE_FEE_FIELD).unwrap(), MIN_BASE_FEE);
        assert_eq!(load(&mut slots, BACKLOG_FIELD).unwrap(), 70_000_000);
        update_price(&mut slots, u64::MAX).unwrap();
        assert_eq!(load(&mut slots, BACKLOG_FIELD).unwrap(), 0);
    }
}

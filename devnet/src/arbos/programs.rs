//! What is stored about an activated program, and what starting it costs.

use revm::primitives::{B256, U256};

use super::{
    params::StylusParams,
    space::Space,
    world::{Slots, StateError},
};

/// Start of the activation clock, seconds since 1970.
pub const EPOCH: u64 = 1_421_388_000;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;
/// Slot of the data pricer's fields: demand and last update.
const PRICER_DEMAND: u64 = 0;
const PRICER_BYTES_PER_SECOND: u64 = 1;
const PRICER_LAST_UPDATE: u64 = 2;
const PRICER_MIN_PRICE: u64 = 3;
const PRICER_INERTIA: u64 = 4;
/// Initial values of the data pricer in slot order.
pub(super) const PRICER: [(u64, u64); 5] = [
    (PRICER_DEMAND, 0),
    (PRICER_BYTES_PER_SECOND, 34_865),
    (PRICER_LAST_UPDATE, EPOCH),
    (PRICER_MIN_PRICE, 82_928_201),
    (PRICER_INERTIA, 21_360_419),
];

/// Errors that tools know by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The account holds no program.
    #[error("ProgramNotWasm()")]
    NotWasm,
    /// The program was never activated.
    #[error("ProgramNotActivated()")]
    NotActivated,
    /// It was activated for another Stylus version.
    #[error("ProgramNeedsUpgrade({version},{current})")]
    NeedsUpgrade {
        /// The program's version.
        version: u16,
        /// The chain's version.
        current: u16,
    },
    /// Its activation is too old.
    #[error("ProgramExpired({age})")]
    Expired {
        /// Seconds since activation.
        age: u64,
    },
    /// It is active already.
    #[error("ProgramUpToDate()")]
    UpToDate,
    /// It is too young to be kept alive.
    #[error("ProgramKeepaliveTooSoon({age})")]
    KeepaliveTooSoon {
        /// Seconds since activation.
        age: u64,
    },
    /// Too little wei for the data fee.
    #[error("ProgramInsufficientValue({have},{want})")]
    InsufficientValue {
        /// Wei sent.
        have: U256,
        /// Wei needed.
        want: U256,
    },
}

/// The record of one code hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Stylus version it was activated for; 0 if never.
    pub version: u16,
    /// Start cost.
    pub init_cost: u16,
    /// Start cost when cached.
    pub cached_init_cost: u16,
    /// Pages a call opens at once.
    pub footprint: u16,
    /// Hours between [`EPOCH`] and activation, 24 bits.
    pub hour: u32,
    /// Estimated compiled size in KiB, 24 bits.
    pub asm_kib: u32,
    /// Whether a cache manager keeps it.
    pub cached: bool,
}

impl Program {
    fn slot(codehash: B256) -> U256 {
        Space::programs(1).slot(codehash)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When state cannot be read.
    pub fn load(slots: &mut dyn Slots, codehash: B256) -> Result<Self, StateError> {
        let word = slots.slot(Self::slot(codehash))?.to_be_bytes::<32>();
        let short = |at: usize| u16::from_be_bytes([word[at], word[at + 1]]);
        let three = |at: usize| u32::from_be_bytes([0, word[at], word[at + 1], word[at + 2]]);
        Ok(Self {
            version: short(0),
            init_cost: short(2),
            cached_init_cost: short(4),
            footprint: short(6),
            hour: three(8),
            asm_kib: three(11),
            cached: word[14] != 0,
        })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// When state cannot be written.
    pub fn store(&self, slots: &mut dyn Slots, codehash: B256) -> Result<(), StateError> {
        let mut word = [0; 32];
        word[0..2].copy_from_slice(&self.version.to_be_bytes());
        word[2..4].copy_from_slice(&self.init_cost.to_be_bytes());
        word[4..6].copy_from_slice(&self.cached_init_cost.to_be_bytes());
        word[6..8].copy_from_slice(&self.footprint.to_be_bytes());
        word[8..11].copy_from_slice(&self.hour.to_be_bytes()[1..]);
        word[11..14].copy_from_slice(&self.asm_kib.to_be_bytes()[1..]);
        word[14] = u8::from(self.cached);
        slots.set_slot(Self::slot(codehash), U256::from_be_bytes(word))
    }

    /// Seconds since activation.
    #[must_use]
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(EPOCH).saturating_sub(HOUR * u64::from(self.hour))
    }

    /// Whether the activation is too old.
    #[must_use]
    pub fn expired(&self, params: &StylusParams, now: u64) -> bool {
        self.age(now) > DAY * u64::from(params.expiry_days)
    }

    /// Seconds until it expires.
    #[must_use]
    pub fn time_left(&self, params: &StylusParams, now: u64) -> u64 {
        (DAY * u64::from(params.expiry_days)).saturating_sub(self.age(now))
    }

    /// Checks that the program may run.
    ///
    /// # Errors
    /// The first of not activated, needs upgrade, expired.
    pub fn check_active(&self, params: &StylusParams, now: u64) -> Result<(), ProgramError> {
        if self.version == 0 {
            return Err(ProgramError::NotActivated);
        }
        if self.version != params.version {
            let (version, current) = (self.version, params.version);
            return Err(ProgramError::NeedsUpgrade { version, current });
        }
        if self.expired(params, now) {
            return Err(ProgramError::Expired { age: self.age(now) });
        }
        Ok(())
    }

    /// Checks that the program is active and old enough to be kept alive.
    ///
    /// # Errors
    /// As [`Program::check_active`], and too young.
    pub fn check_keepalive(&self, params: &StylusParams, now: u64) -> Result<(), ProgramError> {
        self.check_active(params, now)?;
        let age = self.age(now);
        if age < DAY * u64::from(params.keepalive_days) {
            return Err(ProgramError::KeepaliveTooSoon { age });
        }
        Ok(())
    }

    /// Gas of starting it uncached, without the cached part.
    #[must_use]
    pub fn init_gas(&self, params: &StylusParams) -> u64 {
        128 * u64::from(params.min_init_gas) + scaled(self.init_cost, params.init_cost_scalar)
    }

    /// Gas of starting it cached.
    #[must_use]
    pub fn cached_gas(&self, params: &StylusParams) -> u64 {
        32 * u64::from(params.min_cached_init_gas)
            + scaled(self.cached_init_cost, params.cached_cost_scalar)
    }

    /// Gas of starting it, pages not included.
    #[must_use]
    pub fn start_gas(&self, params: &StylusParams, cached: bool) -> u64 {
        let base = if cached || self.version > 1 { self.cached_gas(params) } else { 0 };
        if cached { base } else { base + self.init_gas(params) }
    }
}

fn scaled(cost: u16, scalar: u8) -> u64 {
    (u64::from(cost) * u64::from(scalar) * 2).div_ceil(100)
}

/// Hours on the activation clock.
#[must_use]
pub fn hour_of(timestamp: u64) -> u32 {
    u32::try_from(timestamp.saturating_sub(EPOCH) / HOUR).unwrap_or(u32::MAX) & 0x00FF_FFFF
}

/// Charges the data pricer for `bytes` of compiled program and returns the fee in wei.
///
/// # Errors
/// When state cannot be read or written.
pub fn data_fee(slots: &mut dyn Slots, bytes: u32, now: u64) -> Result<U256, StateError> {
    let space = Space::programs(3);
    let mut read =
        |field| -> Result<u64, StateError> { Ok(slots.slot(space.field(field))?.saturating_to()) };
    let demand = read(PRICER_DEMAND)? as u32;
    let per_second = read(PRICER_BYTES_PER_SECOND)? as u32;
    let last = read(PRICER_LAST_UPDATE)?;
    let minimum = read(PRICER_MIN_PRICE)? as u32;
    let inertia = read(PRICER_INERTIA)? as u32;

    let passed = now.saturating_sub(last) as u32;
    let credit = per_second.saturating_mul(passed);
    let demand = demand.saturating_sub(credit).saturating_add(bytes);
    slots.set_slot(space.field(PRICER_DEMAND), U256::from(demand))?;
    slots.set_slot(space.field(PRICER_LAST_UPDATE), U256::from(now))?;

    let exponent = u64::from(demand) * 10_000 / u64::from(inertia.max(1));
    let multiplier = exponential_bips(exponent, PRICER_DEGREE);
    let price = u64::from(minimum).saturating_mul(multiplier) / 10_000;
    Ok(U256::from(price.saturating_mul(u64::from(bytes))))
}

/// Degree of the data pricer's polynomial.
const PRICER_DEGREE: u64 = 12;

/// e^(x / 10000) in basis points, by a polynomial of a degree in Horner form.
pub(crate) fn exponential_bips(x: u64, degree: u64) -> u64 {
    (1..degree).rev().fold((x / degree).saturating_add(10_000), |sum, i| {
        (sum.saturating_mul(x) / (i * 10_000)).saturating_add(10_000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::genesis::MapSlots;

    #[test]
    fn first_activation_costs_what_the_curve_says() {
        assert_eq!(exponential_bips(240, PRICER_DEGREE), 10_242);
        let mut slots = MapSlots::default();
        for (field, value) in PRICER {
            slots.set_slot(Space::programs(3).field(field), U256::from(value)).unwrap();
        }
        let fee = data_fee(&mut slots, 514_189, 1_700_000_000).unwrap();
        assert_eq!(fee, U256::from(43_672_675_108_907u64));
    }

    #[test]
    fn records_round_trip_and_age() {
        let program = Program {
            version: 2,
            init_cost: 34,
            cached_init_cost: 11,
            footprint: 1,
            hour: hour_of(EPOCH + 7200),
            asm_kib: 503,
            cached: true,
        };
        let mut slots = MapSlots::default();
        let hash = B256::repeat_byte(3);
        program.store(&mut slots, hash).unwrap();
        assert_eq!(Program::load(&mut slots, hash).unwrap(), program);
        let params = StylusParams::initial(51);
        assert_eq!(program.start_gas(&params, false), 9184 + 34 + 11);
        assert_eq!(program.start_gas(&params, true), 352 + 11);
        let year = 365 * DAY;
        assert_eq!(program.check_active(&params, EPOCH + 7200 + year), Ok(()));
        assert_eq!(
            program.check_active(&params, EPOCH + 7201 + year),
            Err(ProgramError::Expired { age: year + 1 })
        );
        assert!(program.check_keepalive(&params, EPOCH + 7200 + 31 * DAY).is_ok());
        assert!(program.check_keepalive(&params, EPOCH + 7200 + 30 * DAY).is_err());
    }
}

//! Whether the running code belongs to a proxy.

use crate::slots::Slots;
use alloy_primitives::U256;
pub use proxy::IMPLEMENTATION_SLOT;

/// True if the ERC-1967 implementation slot is set, which only a proxy's init code does.
///
/// Initialisers demand it: a program that was deployed to be an implementation has an
/// empty slot, so a stranger cannot initialise it for himself.
pub fn is_proxied(slots: &impl Slots) -> bool {
    !slots.load(U256::from_be_bytes(IMPLEMENTATION_SLOT)).is_zero()
}

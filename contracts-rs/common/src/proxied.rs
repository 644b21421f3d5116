//! What the running code stands behind: a proxy, finished or still being created, or an EOA's
//! delegation.

use crate::slots::Slots;
use alloy_primitives::U256;
pub use proxy::IMPLEMENTATION_SLOT;
use stylus_sdk::{host::VM, prelude::*};

/// How the code of an EOA that delegates begins (EIP-7702); an address follows. No contract can
/// be created with such code.
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];
const DELEGATION_LENGTH: usize = DELEGATION_PREFIX.len() + 20;

/// True if the ERC-1967 implementation slot is set.
///
/// Initialisers demand it: a program that was deployed to be an implementation has an
/// empty slot, so a stranger cannot initialise it for himself. It is not enough: whatever an
/// EOA delegated to earlier may have set it, see [`is_being_created`].
pub fn is_proxied(slots: &impl Slots) -> bool {
    !slots.load(U256::from_be_bytes(IMPLEMENTATION_SLOT)).is_zero()
}

/// True if the account that acts has no code: its init code runs right now, and whoever created
/// it decides what it does. Nobody can come between.
pub fn is_being_created(vm: &VM) -> bool {
    vm.code_size(vm.contract_address()) == 0
}

/// True if the account that acts is an EOA that delegates to this code (EIP-7702). Its storage
/// may have been written by anything that it delegated to before.
pub fn is_delegated(vm: &VM) -> bool {
    let account = vm.contract_address();
    vm.code_size(account) == DELEGATION_LENGTH && vm.code(account).starts_with(&DELEGATION_PREFIX)
}

//! Outward calls. Storage is flushed before each, so that a re-entering callee sees what
//! this program has already decided.

extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, U256};
use stylus_sdk::{call::RawCall, host::VM};

/// Calls `to` with all remaining gas; the answer or the revert data comes back.
pub fn call(vm: &VM, to: Address, value: U256, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    // SAFETY: no storage reference outlives this statement; the cache is flushed and
    // dropped, so later loads see what the callee changed.
    unsafe { RawCall::new_with_value(vm, value).clear_storage_cache().call(to, data) }
}

/// Sends `amount` wei; the answer is not read. False if the receiver refused.
pub fn send(vm: &VM, to: Address, amount: U256) -> bool {
    // SAFETY: as in `call`.
    unsafe {
        RawCall::new_with_value(vm, amount)
            .clear_storage_cache()
            .skip_return_data()
            .call(to, &[])
            .is_ok()
    }
}

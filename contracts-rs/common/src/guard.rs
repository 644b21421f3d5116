//! A reentrancy guard in transient storage: 200 gas, and gone with the transaction.

use alloy_primitives::{B256, U256};
use cfg_if::cfg_if;

/// Holds the guard until dropped.
pub struct Guard {
    slot: B256,
}

impl Guard {
    /// Takes the guard in transient `slot`; `None` if it is already held further up.
    ///
    /// A revert gives it back, as it undoes transient writes.
    pub fn take(slot: U256) -> Option<Self> {
        let slot = B256::from(slot);
        if !load(&slot).is_zero() {
            return None;
        }
        store(&slot, &B256::with_last_byte(1));
        Some(Self { slot })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        store(&self.slot, &B256::ZERO);
    }
}

cfg_if! {
    if #[cfg(target_arch = "wasm32")] {
        #[link(wasm_import_module = "vm_hooks")]
        unsafe extern "C" {
            fn transient_load_bytes32(key: *const u8, dest: *mut u8);
            fn transient_store_bytes32(key: *const u8, value: *const u8);
        }

        fn load(slot: &B256) -> B256 {
            let mut word = B256::ZERO;
            // SAFETY: both pointers are to 32 bytes that live through the call.
            unsafe { transient_load_bytes32(slot.as_ptr(), word.as_mut_ptr()) };
            word
        }

        fn store(slot: &B256, word: &B256) {
            // SAFETY: both pointers are to 32 bytes that live through the call.
            unsafe { transient_store_bytes32(slot.as_ptr(), word.as_ptr()) };
        }
    } else {
        fn load(_: &B256) -> B256 {
            unreachable!("transient storage exists on a chain only")
        }

        fn store(_: &B256, _: &B256) {
            unreachable!("transient storage exists on a chain only")
        }
    }
}

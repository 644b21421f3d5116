//! Storage by slot number: where a namespace, a mapping entry and a record live.

use alloy_primitives::{B256, U256, keccak256};
use keccak_const::Keccak256;
use stylus_sdk::{host::VM, stylus_core::StorageAccess};

/// Word storage. The chain implements it, and so does a map in the tests of pure logic.
pub trait Slots {
    /// The word in `slot`; zero if it was never written.
    fn load(&self, slot: U256) -> B256;
    /// Puts `word` into `slot`. On the chain this is cached until the program ends or
    /// flushes, so that several writes to one slot cost one SSTORE.
    fn store(&mut self, slot: U256, word: B256);
}

/// The contract's own storage.
pub struct ChainSlots<'a>(pub &'a VM);

impl Slots for ChainSlots<'_> {
    fn load(&self, slot: U256) -> B256 {
        self.0.storage_load_bytes32(slot)
    }

    fn store(&mut self, slot: U256, word: B256) {
        // SAFETY: the programs have no other storage accessor that this could alias.
        unsafe { self.0.storage_cache_bytes32(slot, word) }
    }
}

/// The ERC-7201 base slot of a namespace:
/// `keccak256(abi.encode(uint256(keccak256(id)) - 1)) & ~0xff`.
pub const fn namespace(id: &str) -> U256 {
    let mut word = Keccak256::new().update(id.as_bytes()).finalize();
    let mut at = 31;
    while word[at] == 0 {
        word[at] = 0xff;
        at -= 1;
    }
    word[at] -= 1;
    let mut base = Keccak256::new().update(&word).finalize();
    base[31] = 0;
    U256::from_be_bytes(base)
}

/// Slot of `key` in the mapping at `base`, as Solidity places it.
pub fn entry(base: U256, key: B256) -> U256 {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(key.as_slice());
    preimage[32..].copy_from_slice(&base.to_be_bytes::<32>());
    keccak256(preimage).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{b256, uint};

    #[test]
    fn namespace_is_the_one_of_the_standard() {
        // The example of ERC-7201.
        assert_eq!(
            namespace("example.main"),
            uint!(0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500_U256)
        );
    }

    #[test]
    fn entry_is_where_solidity_puts_it() {
        assert_eq!(
            B256::from(entry(U256::ZERO, B256::ZERO)),
            b256!("0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5")
        );
    }
}

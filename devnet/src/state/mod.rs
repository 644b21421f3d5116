//! The world state: accounts, code and storage in persistent tries, cheap to copy and to keep.

mod change;
mod database;
mod overrides;
mod trie;

pub use change::{AccountChange, StateChange};
pub use overrides::{OverrideError, apply_overrides};
pub use trie::{Trie, TrieValue};

use crate::hashes::hash;
use alloy::consensus::TrieAccount;
use alloy::primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy::rlp::Encodable;
use revm::bytecode::Bytecode;

/// One account with all its storage.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    /// The account's address (the trie's key is its hash).
    pub address: Address,
    /// Balance in wei.
    pub balance: U256,
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// keccak256 of the code.
    pub code_hash: B256,
    /// The code itself, shared between copies.
    pub code: Bytecode,
    /// Storage slots that are not zero.
    pub storage: Trie<StoredSlot>,
}

/// One storage slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSlot {
    /// The slot's number (the trie's key is its hash).
    pub slot: U256,
    /// The slot's value, never zero.
    pub value: U256,
}

impl TrieValue for StoredSlot {
    fn encode(&self, out: &mut Vec<u8>) {
        Encodable::encode(&self.value, out);
    }
}

impl TrieValue for StoredAccount {
    fn encode(&self, out: &mut Vec<u8>) {
        let account = TrieAccount {
            nonce: self.nonce,
            balance: self.balance,
            storage_root: self.storage.root(),
            code_hash: self.code_hash,
        };
        Encodable::encode(&account, out);
    }
}

impl StoredAccount {
    /// An account with nothing in it.
    pub fn empty(address: Address) -> Self {
        Self {
            address,
            balance: U256::ZERO,
            nonce: 0,
            code_hash: KECCAK256_EMPTY,
            code: Bytecode::default(),
            storage: Trie::default(),
        }
    }

    /// Whether nothing distinguishes the account from one that does not exist.
    pub fn is_vacant(&self) -> bool {
        self.balance.is_zero()
            && self.nonce == 0
            && self.code_hash == KECCAK256_EMPTY
            && self.storage.is_empty()
    }

    /// Replaces the code. Bytes of every shape are accepted, also those no deployment allows.
    pub fn set_code(&mut self, code: Bytes) {
        self.code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        self.code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
    }

    /// Writes a storage slot; zero removes it.
    pub fn set_slot(&mut self, slot: U256, value: U256) {
        let key = hash(&slot.to_be_bytes::<32>());
        if value.is_zero() {
            self.storage.remove(&key);
        } else {
            self.storage.insert(&key, StoredSlot { slot, value });
        }
    }

    /// The encoded trie nodes that prove a slot, present or absent.
    pub fn slot_proof(&self, slot: U256) -> Vec<Bytes> {
        self.storage.proof(&hash(&slot.to_be_bytes::<32>()))
    }

    /// Reads a storage slot.
    pub fn slot(&self, slot: U256) -> U256 {
        let key = hash(&slot.to_be_bytes::<32>());
        self.storage.get(&key).map_or(U256::ZERO, |slot| slot.value)
    }
}

/// All accounts at one moment. Cloning takes constant time.
#[derive(Debug, Clone, Default)]
pub struct State {
    accounts: Trie<StoredAccount>,
}

impl State {
    /// The account, if it exists.
    pub fn account(&self, address: Address) -> Option<&StoredAccount> {
        self.accounts.get(&hash(address.as_slice()))
    }

    /// Stores an account as given, or removes it when nothing is left in it.
    pub fn put(&mut self, account: StoredAccount) {
        let key = hash(account.address.as_slice());
        if account.is_vacant() {
            self.accounts.remove(&key);
        } else {
            self.accounts.insert(&key, account);
        }
    }

    /// Changes an account, which is created first if it does not exist.
    pub fn update(&mut self, address: Address, change: impl FnOnce(&mut StoredAccount)) {
        let mut account =
            self.account(address).cloned().unwrap_or_else(|| StoredAccount::empty(address));
        change(&mut account);
        self.put(account);
    }

    /// Removes an account with its storage.
    pub fn remove(&mut self, address: Address) {
        self.accounts.remove(&hash(address.as_slice()));
    }

    /// Balance in wei; zero for accounts that do not exist.
    pub fn balance(&self, address: Address) -> U256 {
        self.account(address).map_or(U256::ZERO, |account| account.balance)
    }

    /// Nonce; zero for accounts that do not exist.
    pub fn nonce(&self, address: Address) -> u64 {
        self.account(address).map_or(0, |account| account.nonce)
    }

    /// Code bytes; empty for accounts without code.
    pub fn code(&self, address: Address) -> Bytes {
        self.account(address).map_or_else(Bytes::new, |account| account.code.original_bytes())
    }

    /// A storage slot; zero if never written.
    pub fn storage(&self, address: Address, slot: U256) -> U256 {
        self.account(address).map_or(U256::ZERO, |account| account.slot(slot))
    }

    /// The state root of a block header.
    pub fn root(&self) -> B256 {
        self.accounts.root()
    }

    /// Visits every account in the order of the hashed addresses.
    pub fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a StoredAccount)) {
        self.accounts.for_each(visit);
    }

    /// The encoded trie nodes that prove an account, present or absent.
    pub fn proof(&self, address: Address) -> Vec<Bytes> {
        self.accounts.proof(&hash(address.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::address;

    #[test]
    fn copies_do_not_see_later_changes() {
        let who = address!("00000000000000000000000000000000000000aa");
        let mut state = State::default();
        state.update(who, |account| account.balance = U256::from(1));
        let old = state.clone();
        state.update(who, |account| {
            account.balance = U256::from(2);
            account.set_slot(U256::from(5), U256::from(6));
        });
        assert_eq!(old.balance(who), U256::from(1));
        assert_eq!(state.storage(who, U256::from(5)), U256::from(6));
        assert_eq!(old.storage(who, U256::from(5)), U256::ZERO);
        assert_ne!(old.root(), state.root());
    }

    #[test]
    fn an_account_that_becomes_empty_disappears() {
        let who = address!("00000000000000000000000000000000000000aa");
        let mut state = State::default();
        state.update(who, |account| account.nonce = 1);
        state.update(who, |account| account.nonce = 0);
        assert!(state.account(who).is_none());
        assert_eq!(state.root(), alloy::trie::EMPTY_ROOT_HASH);
    }
}

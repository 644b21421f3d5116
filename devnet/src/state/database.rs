//! The state as the EVM's database.

use super::{State, StoredAccount};
use alloy::primitives::{Address, B256, KECCAK256_EMPTY, U256, map::AddressMap};
use revm::bytecode::Bytecode;
use revm::state::{Account, AccountInfo};
use revm::{Database, DatabaseCommit, DatabaseRef};
use std::convert::Infallible;

impl DatabaseRef for State {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(|account| {
            AccountInfo::new(
                account.balance,
                account.nonce,
                account.code_hash,
                account.code.clone(),
            )
        }))
    }

    /// Every account is handed out together with its code, so this is asked for no code but none.
    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let mut found = Bytecode::default();
        if code_hash != KECCAK256_EMPTY {
            self.for_each(&mut |account| {
                if account.code_hash == code_hash {
                    found = account.code.clone();
                }
            });
        }
        Ok(found)
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, Infallible> {
        Ok(self.storage(address, index))
    }

    /// BLOCKHASH speaks of blocks of the parent chain, of which a development chain has none.
    fn block_hash_ref(&self, _number: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        self.code_by_hash_ref(code_hash)
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Infallible> {
        self.storage_ref(address, index)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        self.block_hash_ref(number)
    }
}

impl DatabaseCommit for State {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, change) in changes {
            if !change.is_touched() {
                continue;
            }
            if change.is_selfdestructed() {
                self.remove(address);
                continue;
            }
            self.put(self.merge(address, &change));
        }
    }
}

impl State {
    fn merge(&self, address: Address, change: &Account) -> StoredAccount {
        let mut account =
            self.account(address).cloned().unwrap_or_else(|| StoredAccount::empty(address));
        if change.is_created() {
            account.storage = Default::default();
        }
        account.balance = change.info.balance;
        account.nonce = change.info.nonce;
        if account.code_hash != change.info.code_hash
            && let Some(code) = &change.info.code
        {
            account.code_hash = change.info.code_hash;
            account.code = code.clone();
        }
        for (slot, value) in change.changed_storage_slots() {
            account.set_slot(*slot, value.present_value);
        }
        account
    }
}

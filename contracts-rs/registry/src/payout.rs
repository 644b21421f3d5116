//! Taking a balance out.

use crate::errors::*;
use crate::events::Withdrawn;
use crate::storage::Book;
use alloy_primitives::{Address, U256};
use common::slots::Slots;

impl<S: Slots> Book<S> {
    /// Empties the balance of `account` for a payment to `to`, which the caller must then
    /// make or revert. Writes two words.
    pub fn withdraw(&mut self, account: Address, to: Address) -> Result<Withdrawn, RegistryError> {
        if to.is_zero() {
            return Err(ZeroAddress {}.into());
        }
        let amount = self.balance(account);
        if amount == 0 {
            return Err(NothingToWithdraw { account }.into());
        }
        let mut counters = self.counters();
        counters.owed -= amount;
        self.set_counters(&counters);
        self.set_balance(account, 0);
        Ok(Withdrawn { account, to, amount: U256::from(amount) })
    }
}

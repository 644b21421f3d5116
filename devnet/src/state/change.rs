//! The step from one state to another, as it is saved.

use super::{State, StoredAccount, StoredSlot, Trie};
use alloy::primitives::{Address, Bytes, U256, map::HashMap};
use serde::{Deserialize, Serialize};

/// What turns one state into another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Accounts that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Address>,
    /// Accounts that are new or different.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<AccountChange>,
}

/// What is new about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChange {
    /// The account.
    pub address: Address,
    /// Its balance in wei.
    pub balance: U256,
    /// Its nonce.
    pub nonce: u64,
    /// Its code, if that is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Bytes>,
    /// Slots that are different; zero for those that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<(U256, U256)>,
}

impl State {
    /// What turns `older` into this state.
    pub fn since(&self, older: &Self) -> StateChange {
        let difference = self.accounts.since(&older.accounts);
        let mut before: HashMap<Address, &StoredAccount> =
            difference.old.into_iter().map(|account| (account.address, account)).collect();
        let changed = difference.new.into_iter().filter_map(|account| {
            let old = before.remove(&account.address);
            account.since(old)
        });
        let changed = changed.collect();
        let mut removed: Vec<Address> = before.into_keys().collect();
        removed.sort_unstable();
        StateChange { removed, changed }
    }

    /// Takes the step that a change describes.
    pub fn apply(&mut self, change: StateChange) {
        for address in change.removed {
            self.remove(address);
        }
        for change in change.changed {
            self.update(change.address, |account| {
                account.balance = change.balance;
                account.nonce = change.nonce;
                if let Some(code) = change.code {
                    account.set_code(code);
                }
                for (slot, value) in change.slots {
                    account.set_slot(slot, value);
                }
            });
        }
    }
}

impl StoredAccount {
    /// What is new compared with `older`, if anything is.
    fn since(&self, older: Option<&Self>) -> Option<AccountChange> {
        let nothing = Self::empty(self.address);
        let old = older.unwrap_or(&nothing);
        let code = (self.code_hash != old.code_hash).then(|| self.code.original_bytes());
        let slots = slots_since(&self.storage, &old.storage);
        let same = code.is_none()
            && slots.is_empty()
            && (self.balance, self.nonce) == (old.balance, old.nonce);
        let (address, balance, nonce) = (self.address, self.balance, self.nonce);
        (!same || older.is_none()).then_some(AccountChange { address, balance, nonce, code, slots })
    }
}

fn slots_since(new: &Trie<StoredSlot>, old: &Trie<StoredSlot>) -> Vec<(U256, U256)> {
    let difference = new.since(old);
    let mut before: HashMap<U256, U256> =
        difference.old.into_iter().map(|slot| (slot.slot, slot.value)).collect();
    let mut slots: Vec<_> = difference
        .new
        .into_iter()
        .filter(|slot| before.remove(&slot.slot) != Some(slot.value))
        .map(|slot| (slot.slot, slot.value))
        .collect();
    slots.extend(before.into_keys().map(|slot| (slot, U256::ZERO)));
    slots.sort_unstable();
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Changes one of a few accounts in one of a few ways.
    fn step(state: &mut State, (who, what, value): (u8, u8, u8)) {
        let address = Address::with_last_byte(who);
        match what {
            0 => state.remove(address),
            1 => state.update(address, |account| account.nonce = value.into()),
            2 => state.update(address, |account| account.balance = U256::from(value)),
            3 => state.update(address, |account| account.set_code(vec![value; 3].into())),
            4 => state.update(address, |account| account.storage = Trie::default()),
            slot => state.update(address, |account| {
                account.nonce = 1;
                account.set_slot(U256::from(slot), U256::from(value % 3));
            }),
        }
    }

    proptest! {
        #[test]
        fn a_change_leads_from_any_state_to_any_other(
            steps in prop::collection::vec((0u8..12, 0u8..20, any::<u8>()), 0..200),
            cut in 0usize..200,
        ) {
            let (mut older, mut newer) = (State::default(), State::default());
            for (index, change) in steps.into_iter().enumerate() {
                step(&mut newer, change);
                if index == cut {
                    older = newer.clone();
                }
            }
            let root = older.root();
            let change = newer.since(&older);
            let text = serde_json::to_string(&change).unwrap();
            let mut rebuilt = older.clone();
            rebuilt.apply(serde_json::from_str(&text).unwrap());
            prop_assert_eq!(rebuilt.root(), newer.root());
            prop_assert_eq!(older.root(), root);
            prop_assert_eq!(newer.since(&newer.clone()), StateChange::default());
        }
    }
}

//! State overrides of `eth_call`, applied to a copy of the state.

use super::State;
use alloy::primitives::{Address, U256};
use alloy::rpc::types::state::{AccountOverride, StateOverride};

/// Why a set of overrides cannot be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OverrideError {
    /// Both ways to override the storage of one account were given.
    #[error("account {0} has both 'state' and 'stateDiff'")]
    Both(Address),
    /// Precompiles stay where they are.
    #[error("account {0}: movePrecompileToAddress is not supported")]
    MovePrecompile(Address),
}

/// Writes the overrides into `state`.
pub fn apply_overrides(state: &mut State, overrides: StateOverride) -> Result<(), OverrideError> {
    for (address, change) in overrides {
        if change.state.is_some() && change.state_diff.is_some() {
            return Err(OverrideError::Both(address));
        }
        if change.move_precompile_to.is_some() {
            return Err(OverrideError::MovePrecompile(address));
        }
        apply_account(state, address, change);
    }
    Ok(())
}

fn apply_account(state: &mut State, address: Address, change: AccountOverride) {
    state.update(address, |account| {
        if let Some(balance) = change.balance {
            account.balance = balance;
        }
        if let Some(nonce) = change.nonce {
            account.nonce = nonce;
        }
        if let Some(code) = change.code {
            account.set_code(code);
        }
        if change.state.is_some() {
            account.storage = Default::default();
        }
        for (slot, value) in change.state.into_iter().chain(change.state_diff).flatten() {
            account.set_slot(U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{B256, address};

    #[test]
    fn state_replaces_and_state_diff_adds() {
        let who = address!("00000000000000000000000000000000000000aa");
        let mut state = State::default();
        state.update(who, |account| {
            account.nonce = 1;
            account.set_slot(U256::from(1), U256::from(10));
        });
        let word = |n: u8| B256::left_padding_from(&[n]);
        let diff = AccountOverride::default().with_state_diff([(word(2), word(20))]);
        apply_overrides(&mut state, StateOverride::from_iter([(who, diff)])).unwrap();
        assert_eq!(state.storage(who, U256::from(1)), U256::from(10));
        assert_eq!(state.storage(who, U256::from(2)), U256::from(20));
        let whole = AccountOverride::default().with_state([(word(3), word(30))]);
        apply_overrides(&mut state, StateOverride::from_iter([(who, whole)])).unwrap();
        assert_eq!(state.storage(who, U256::from(1)), U256::ZERO);
        assert_eq!(state.storage(who, U256::from(3)), U256::from(30));
    }

    #[test]
    fn both_kinds_of_storage_overrides_are_refused() {
        let who = address!("00000000000000000000000000000000000000aa");
        let mut both = AccountOverride::default().with_state([]);
        both.state_diff = Some(Default::default());
        let result =
            apply_overrides(&mut State::default(), StateOverride::from_iter([(who, both)]));
        assert_eq!(result, Err(OverrideError::Both(who)));
    }
}

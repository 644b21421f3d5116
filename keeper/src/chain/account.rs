//! The checks that the keeper's account is the right one.

use alloy::contract::Error as CallError;
use alloy::primitives::Address;
use bindings::AgentAccount;

use super::client::Chain;
use super::error::{ChainError, Doing};

impl Chain {
    /// Checks that the account obeys `owner` and the configured EntryPoint.
    ///
    /// # Errors
    /// [`ChainError::WrongAccount`] if it does not, or the node fails.
    pub async fn check_account(&self, owner: Address) -> Result<(), ChainError> {
        let account = AgentAccount::new(self.account, self.provider.clone());
        let found = account.owner().call().await;
        let found = self.answered(found, "reading the account's owner")?;
        if found != owner {
            return Err(
                self.wrong(format!("belongs to {found}, but the signer holds the key of {owner}"))
            );
        }
        let (wanted, found) = (self.config.entry_point, account.entryPoint().call().await);
        let found = self.answered(found, "reading the account's EntryPoint")?;
        if found != wanted {
            return Err(
                self.wrong(format!("obeys the EntryPoint {found}, chain.entry_point is {wanted}"))
            );
        }
        Ok(())
    }

    /// Whether the registry lists the account as a keeper.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn is_keeper(&self) -> Result<bool, ChainError> {
        let asked = self.registry().isKeeper(self.account).call().await;
        asked.doing("asking the registry for its keepers")
    }

    /// Tells a contract that is no account from a node that fails.
    fn answered<T>(
        &self,
        answer: Result<T, CallError>,
        doing: &'static str,
    ) -> Result<T, ChainError> {
        match answer {
            Err(error @ (CallError::ZeroData(..) | CallError::AbiError(_))) => {
                Err(self.wrong(format!("is no AgentAccount: {error}")))
            }
            Err(error) if error.as_revert_data().is_some() => {
                Err(self.wrong(format!("is no AgentAccount: {error}")))
            }
            answer => answer.doing(doing),
        }
    }

    fn wrong(&self, reason: String) -> ChainError {
        ChainError::WrongAccount { address: self.account, reason }
    }
}

//! What may be signed: chain, contracts, calls, amounts of gas, fees and wei.
//!
//! Checks here look at the request alone. What depends on earlier signatures (nonces, budget,
//! receipts) is the journal's.

mod bundle;
mod file;
mod operation;
mod receipt;

use alloy_primitives::{Address, U256};
use domain::wire::RefusalCode;

pub use bundle::ApprovedBundle;
pub use file::{AllowFile, PolicyError, PolicyFile};
pub use operation::ApprovedOperation;

use crate::refusal::Refusal;

/// The rules. Settling purchases at the registry is what the signer is for and always allowed;
/// every other call must be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The only chain.
    pub chain_id: u64,
    /// The only EntryPoint.
    pub entry_point: Address,
    /// The only smart account.
    pub account: Address,
    /// The only registry.
    pub registry: Address,
    /// Calls allowed besides `settle`.
    pub allow: Vec<Allowed>,
    /// Most wei that all calls of one operation may send together.
    pub max_value: U256,
    /// Most gas of one operation: the sum of its limits.
    pub max_operation_gas: u64,
    /// Most gas of one bundle transaction.
    pub max_bundle_gas: u64,
    /// Highest fee per gas, in wei, for operations and bundles.
    pub max_fee_per_gas: u128,
    /// Most wei that a UTC day's signatures may cost in the worst case: gas and value.
    pub daily_budget: U256,
}

/// A call that operations may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Who may be called.
    pub target: Address,
    /// Which function.
    pub selector: [u8; 4],
}

impl Policy {
    fn check_chain(&self, chain_id: u64) -> Result<(), Refusal> {
        if chain_id == self.chain_id {
            return Ok(());
        }
        let message = format!("chain {chain_id} is not the policy's chain {}", self.chain_id);
        Err(Refusal::new(RefusalCode::WrongChain, message))
    }

    fn check_entry_point(&self, entry_point: Address) -> Result<(), Refusal> {
        if entry_point == self.entry_point {
            return Ok(());
        }
        let message = format!("EntryPoint {entry_point} is not the policy's {}", self.entry_point);
        Err(Refusal::new(RefusalCode::WrongEntryPoint, message))
    }

    fn check_fees(&self, fee: u128, tip: u128) -> Result<(), Refusal> {
        if fee > self.max_fee_per_gas {
            let message =
                format!("{fee} wei per gas is over the cap of {} wei", self.max_fee_per_gas);
            return Err(Refusal::new(RefusalCode::FeeOverCap, message));
        }
        if tip > fee {
            let message = format!("a tip of {tip} wei per gas is above the fee of {fee} wei");
            return Err(Refusal::new(RefusalCode::FeeOverCap, message));
        }
        Ok(())
    }
}

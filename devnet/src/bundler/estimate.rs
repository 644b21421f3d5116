//! Gas limits of an operation: for each the least with which the operation still works.

use super::simulate::{Bundle, Ran, unmeasured};
use super::{BundlerError, UserOperation};
use crate::chain::View;
use alloy::primitives::{Address, Bytes, U128, U256};
use serde::Serialize;

/// The search ends when the gap is less than this part of the upper end.
const TOLERANCE: u64 = 64;
/// Part of a limit that is added because a real signature may cost more than a made-up one.
const MARGIN: u64 = 16;
/// More wei than any operation costs.
const PLENTY: u128 = 1 << 100;

/// What `eth_estimateUserOperationGas` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GasLimits {
    /// Gas that the EntryPoint cannot measure.
    pub pre_verification_gas: U256,
    /// Gas of validation, and of creating the account.
    pub verification_gas_limit: U128,
    /// Gas of the call.
    pub call_gas_limit: U128,
    /// Gas of the paymaster's validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paymaster_verification_gas_limit: Option<U128>,
    /// Gas of the paymaster after the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paymaster_post_op_gas_limit: Option<U128>,
}

/// Finds the gas limits of an operation. A wrong signature is taken for a right one, and the
/// sender for rich: both are for later.
pub fn estimate(
    mut view: View,
    bundler: Address,
    mut op: UserOperation,
) -> Result<GasLimits, BundlerError> {
    let plenty = U256::from(PLENTY);
    view.state.update(op.sender, |account| account.balance = account.balance.max(plenty));
    let free = op.paymaster.is_some();
    op.max_priority_fee_per_gas = U128::ZERO;
    // A paymaster's deposit is its own business, so its operation costs nothing here; that of
    // others costs something, so that the payment is part of the validation.
    op.max_fee_per_gas = if free { U128::ZERO } else { op.max_fee_per_gas.max(U128::ONE) };
    let share = view.call_gas / 10;
    op.pre_verification_gas = U256::ZERO;
    op.verification_gas_limit = U128::from(2 * share);
    op.call_gas_limit = U128::from(3 * share);
    if free {
        op.paymaster_verification_gas_limit = Some(U128::from(2 * share));
        op.paymaster_post_op_gas_limit = Some(U128::from(2 * share));
    }
    let mut search = Search { view: &view, bundle: Bundle { bundler, ops: vec![op] } };
    let ran = search.run()?;
    if !ran.succeeded() {
        return Err(BundlerError::Reverted(ran.revert.unwrap_or_else(Bytes::new)));
    }
    search.narrow(|op| &mut op.verification_gas_limit)?;
    search.narrow(|op| &mut op.call_gas_limit)?;
    if free {
        search.narrow(|op| op.paymaster_verification_gas_limit.get_or_insert_default())?;
        search.narrow(|op| op.paymaster_post_op_gas_limit.get_or_insert_default())?;
    }
    let needed = unmeasured(&search.run()?, U256::ZERO);
    let op = &search.bundle.ops[0];
    Ok(GasLimits {
        pre_verification_gas: needed + needed / U256::from(MARGIN),
        verification_gas_limit: op.verification_gas_limit,
        call_gas_limit: op.call_gas_limit,
        paymaster_verification_gas_limit: op.paymaster_verification_gas_limit,
        paymaster_post_op_gas_limit: op.paymaster_post_op_gas_limit,
    })
}

impl Ran {
    fn succeeded(&self) -> bool {
        self.events.first().is_some_and(|event| event.success)
    }
}

/// An operation whose limits are made smaller, one after another.
struct Search<'a> {
    view: &'a View,
    bundle: Bundle,
}

impl Search<'_> {
    fn run(&self) -> Result<Ran, BundlerError> {
        self.bundle.run(self.view, true)
    }

    /// Makes one limit as small as it can be, with a margin.
    fn narrow(
        &mut self,
        limit: impl Fn(&mut UserOperation) -> &mut U128,
    ) -> Result<(), BundlerError> {
        let start: u64 = limit(&mut self.bundle.ops[0]).saturating_to();
        let (mut low, mut high) = (0, start);
        while high - low > (high / TOLERANCE).max(1) {
            // Most operations need little of what is allowed.
            let middle = low.midpoint(high).min((low * 2).max(20_000));
            let middle = if middle >= high { low.midpoint(high) } else { middle };
            *limit(&mut self.bundle.ops[0]) = U128::from(middle);
            match self.run() {
                Ok(ran) if ran.succeeded() => high = middle,
                Ok(_) | Err(BundlerError::Refused { .. }) => low = middle,
                Err(error) => return Err(error),
            }
        }
        *limit(&mut self.bundle.ops[0]) = U128::from((high + high / MARGIN).min(start));
        Ok(())
    }
}

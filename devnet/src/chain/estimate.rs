//! Gas estimates: the smallest gas limit with which a request succeeds, within 1.5 %.

use super::view::{CallError, CallInput, View, output};
use crate::vm::{Job, Outcome, VmError};
use alloy::primitives::U256;
use alloy::rpc::types::TransactionRequest;
use revm::context_interface::result::{ExecutionResult, HaltReason, InvalidTransaction};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that comes with a transferred value.
const STIPEND: u64 = 2_300;
/// The search ends when the gap is less than this many thousandths of the upper end.
const TOLERANCE: u64 = 15;

impl View {
    /// The gas limit to send a request with.
    pub fn estimate(mut self, input: CallInput) -> Result<u64, CallError> {
        if let Some(answer) = self.node_interface(&input) {
            return answer.map(|_| TRANSFER_GAS);
        }
        self.override_with(input.state, input.block)?;
        let l1_gas = self.poster_gas(&input.request)?;
        let high = self.ceiling(&input.request, l1_gas)?;
        let search = Search { view: &self, request: &input.request, l1_gas };
        let transfer = TRANSFER_GAS + l1_gas;
        if self.is_transfer(&input.request) && search.succeeds(transfer)? {
            return Ok(transfer);
        }
        let outcome = match search.attempt(high)? {
            Some(outcome) if outcome.result.is_success() => outcome,
            Some(outcome) if lacks_gas(&outcome) => {
                return Err(CallError::Allowance(high));
            }
            Some(outcome) => return output(outcome).map(|_| high),
            None => return Err(CallError::Allowance(high)),
        };
        let gas = outcome.result.gas();
        let low = gas.tx_gas_used().saturating_sub(1);
        let peak = gas.total_gas_spent().max(gas.tx_gas_used());
        search.narrow(low, high, (peak + STIPEND).saturating_mul(64) / 63)
    }

    /// The most gas that the request, the limits and the sender's balance allow.
    fn ceiling(&self, request: &TransactionRequest, l1_gas: u64) -> Result<u64, CallError> {
        let most = self.call_gas.saturating_add(l1_gas);
        let wanted = request.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(most);
        let ceiling = wanted.min(most);
        let Some(fee_cap) = request.fee_cap().filter(|fee| *fee > 0) else { return Ok(ceiling) };
        let sender = request.from.unwrap_or_default();
        let have = self.state.balance(sender);
        let want = request.value.unwrap_or_default();
        let left = have.checked_sub(want).ok_or(CallError::Funds { sender, have, want })?;
        Ok(ceiling.min((left / U256::from(fee_cap)).saturating_to()))
    }

    fn is_transfer(&self, request: &TransactionRequest) -> bool {
        let Some(to) = request.to.and_then(|kind| kind.into_to()) else { return false };
        request.input.input().is_none_or(|input| input.is_empty())
            && request.authorization_list.is_none()
            && request.access_list.is_none()
            && self.state.code(to).is_empty()
    }
}

/// Tries of one request with different gas limits.
struct Search<'a> {
    view: &'a View,
    request: &'a TransactionRequest,
    /// What posting takes of each limit.
    l1_gas: u64,
}

impl Search<'_> {
    fn narrow(&self, mut low: u64, mut high: u64, guess: u64) -> Result<u64, CallError> {
        if guess < high {
            if self.succeeds(guess)? {
                high = guess;
            } else {
                low = guess;
            }
        }
        while low + 1 < high && (high - low).saturating_mul(1_000) >= high.saturating_mul(TOLERANCE)
        {
            let middle = low.midpoint(high).min(low.saturating_mul(2).max(1));
            if self.succeeds(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    fn succeeds(&self, gas: u64) -> Result<bool, CallError> {
        Ok(self.attempt(gas)?.is_some_and(|outcome| outcome.result.is_success()))
    }

    /// Runs the request; `None` if the gas does not even cover what is charged up front.
    fn attempt(&self, gas: u64) -> Result<Option<Outcome>, CallError> {
        let job = Job { env: self.view.env(self.request, gas)?, l1_gas: self.l1_gas };
        match self.view.execute(job) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(CallError::Vm(VmError::Transaction(
                InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
            ))) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn lacks_gas(outcome: &Outcome) -> bool {
    matches!(outcome.result, ExecutionResult::Halt { reason: HaltReason::OutOfGas(_), .. })
}

//! Running the EntryPoint's `handleOps` on a view of the chain.

use super::contract::EntryPoint::{
    PostOpRevertReason, UserOperationEvent, UserOperationRevertReason,
};
use super::contract::{EntryPointErrors, FailedOp, FailedOpWithRevert, handleOpsCall};
use super::lenient::Lenient;
use super::{BundlerError, UserOperation};
use crate::chain::{CallError, View};
use crate::genesis::ENTRY_POINT;
use crate::vm::{Job, Mode, Outcome};
use alloy::primitives::{Address, Bytes, Log, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolEvent, SolInterface};
use revm::context_interface::result::ExecutionResult;

/// Gas that a bundle has beyond what its operations ask for.
const SPARE_GAS: u64 = 200_000;

/// Operations that are sent together, and who sends them.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The sender, who is paid the fees, too.
    pub bundler: Address,
    /// The operations in their order.
    pub ops: Vec<UserOperation>,
}

/// How a bundle went.
#[derive(Debug)]
pub struct Ran {
    /// Gas of the whole transaction, with posting it to the parent chain.
    pub gas_used: u64,
    /// The fate of each operation.
    pub events: Vec<UserOperationEvent>,
    /// What the last operation reverted with, if one did.
    pub revert: Option<Bytes>,
}

impl Bundle {
    /// The transaction that carries it.
    pub fn request(&self, l1_gas: u64) -> TransactionRequest {
        let ops = self.ops.iter().map(UserOperation::pack).collect();
        let input = handleOpsCall { ops, beneficiary: self.bundler }.abi_encode();
        let limits = self.ops.iter().fold(U256::ZERO, |sum, op| sum.saturating_add(op.gas()));
        let gas: u64 = limits.saturating_to();
        let auths: Vec<_> = self.ops.iter().filter_map(|op| op.eip7702_auth.clone()).collect();
        let mut request = TransactionRequest::default()
            .from(self.bundler)
            .to(ENTRY_POINT)
            .input(Bytes::from(input).into())
            .gas_limit(gas.saturating_add(gas / 32) + SPARE_GAS + l1_gas);
        request.authorization_list = (!auths.is_empty()).then_some(auths);
        request
    }

    /// Runs it; `lenient` takes wrong signatures for right ones.
    pub fn run(&self, view: &View, lenient: bool) -> Result<Ran, BundlerError> {
        let request = self.request(0);
        let l1_gas = view.poster_gas(&request)?;
        let gas = view.call_gas.saturating_add(l1_gas);
        let job = Job { env: view.env(&request, gas)?, l1_gas };
        let (mut state, context) = (view.state.clone(), view.fresh_context());
        let outcome = if lenient {
            view.vm.inspect(&mut state, &context, job, Mode::Call, Lenient)
        } else {
            view.vm.transact(&mut state, &context, job, Mode::Call)
        };
        read(outcome.map_err(CallError::from)?)
    }
}

fn read(outcome: Outcome) -> Result<Ran, BundlerError> {
    if let Some(text) = outcome.error_text() {
        return Err(CallError::Halted(text).into());
    }
    let gas_used = outcome.result.tx_gas_used();
    match outcome.result {
        ExecutionResult::Revert { output, .. } => Err(refusal(output)),
        other => {
            let logs = other.into_logs();
            let events = logs.iter().filter_map(decode::<UserOperationEvent>).collect();
            let revert = logs.iter().rev().find_map(revert_reason);
            Ok(Ran { gas_used, events, revert })
        }
    }
}

/// An event of the EntryPoint.
pub fn decode<E: SolEvent>(log: &Log) -> Option<E> {
    (log.address == ENTRY_POINT).then(|| E::decode_log_data(&log.data).ok()).flatten()
}

/// What an operation, or its paymaster, reverted with.
pub fn revert_reason(log: &Log) -> Option<Bytes> {
    let of_call = decode::<UserOperationRevertReason>(log).map(|event| event.revertReason);
    of_call.or_else(|| decode::<PostOpRevertReason>(log).map(|event| event.revertReason))
}

fn refusal(output: Bytes) -> BundlerError {
    let (index, reason, inner) = match EntryPointErrors::abi_decode(&output) {
        Ok(EntryPointErrors::FailedOp(FailedOp { opIndex, reason })) => {
            (opIndex, reason, Bytes::new())
        }
        Ok(EntryPointErrors::FailedOpWithRevert(failed)) => {
            let FailedOpWithRevert { opIndex, reason, inner } = failed;
            (opIndex, reason, inner)
        }
        Err(_) => return CallError::Reverted(output).into(),
    };
    BundlerError::Refused { index: index.saturating_to(), reason, inner }
}

/// Whether a bundler takes the operation: the EntryPoint accepts it, and its fees pay for it.
pub fn accept(view: &View, bundler: Address, op: &UserOperation) -> Result<(), BundlerError> {
    let base_fee = view.block.base_fee();
    if op.max_fee_per_gas.saturating_to::<u128>() < u128::from(base_fee) {
        let text = format!("maxFeePerGas must be at least {base_fee}, the base fee");
        return Err(BundlerError::Invalid(text));
    }
    let ran = Bundle { bundler, ops: vec![op.clone()] }.run(view, false)?;
    let needed = unmeasured(&ran, op.pre_verification_gas);
    if op.pre_verification_gas < needed {
        let text = format!("preVerificationGas must be at least {needed:#x}");
        return Err(BundlerError::Invalid(text));
    }
    Ok(())
}

/// Gas that the sender of one operation spends and the EntryPoint does not measure.
pub fn unmeasured(ran: &Ran, pre_verification_gas: U256) -> U256 {
    let charged = ran.events.first().map_or(U256::ZERO, |event| event.actualGasUsed);
    (U256::from(ran.gas_used) + pre_verification_gas).saturating_sub(charged)
}

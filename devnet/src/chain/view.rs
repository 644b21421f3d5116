//! A block's state with the engine: calls, estimates and traces run on it away from the chain.

use super::{Block, BlockRef, Chain, LookupError};
use crate::state::{OverrideError, State, apply_overrides};
use crate::trace::TraceError;
use crate::vm::{BlockContext, Job, Mode, Outcome, Vm, VmError};
use alloy::primitives::{Address, Bytes, TxKind, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::{BlockOverrides, state::StateOverride};
use revm::context::TxEnv;
use revm::context_interface::result::{ExecutionResult, InvalidTransaction};
use std::sync::Arc;

/// What a call asks for.
#[derive(Debug, Clone, Default)]
pub struct CallInput {
    /// The simulated transaction.
    pub request: TransactionRequest,
    /// Accounts that are different for this call.
    pub state: Option<StateOverride>,
    /// Block fields that are different for this call.
    pub block: Option<BlockOverrides>,
}

/// A call that gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The block or its state is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The overrides contradict each other.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The engine refused it.
    #[error("{}", invalid_text(.0))]
    Vm(#[from] VmError),
    /// The call gives away more than the sender has.
    #[error("insufficient funds for transfer: address {sender} have {have} want {want}")]
    Funds {
        /// Who calls.
        sender: Address,
        /// Balance in wei.
        have: U256,
        /// Value in wei.
        want: U256,
    },
    /// It cannot be traced.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// It reverted.
    #[error("execution reverted{}", crate::revert::reason(.0))]
    Reverted(Bytes),
    /// It failed hard.
    #[error("{0}")]
    Halted(String),
    /// No gas limit that the caller can pay is enough.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
}

/// A moment of the chain that calls run on. Cheap to make; owns everything it needs.
#[derive(Debug, Clone)]
pub struct View {
    pub(crate) vm: Vm,
    /// The block after which calls run.
    pub block: Arc<Block>,
    /// The state they see.
    pub state: State,
    /// The environment they see.
    pub context: Arc<BlockContext>,
    /// Most gas a call may use.
    pub call_gas: u64,
}

impl Chain {
    /// A view of the state after a block.
    pub fn view(&self, block: BlockRef) -> Result<View, LookupError> {
        let (block, state) = self.find_state(block)?;
        Ok(View {
            vm: self.vm.clone(),
            context: Arc::new(block.context()),
            block: block.clone(),
            state: state.clone(),
            call_gas: self.config.limits.call_gas,
        })
    }
}

impl View {
    /// Applies overrides for good.
    pub fn override_with(
        &mut self,
        state: Option<StateOverride>,
        block: Option<BlockOverrides>,
    ) -> Result<(), CallError> {
        if let Some(overrides) = state {
            apply_overrides(&mut self.state, overrides)?;
        }
        let mut context = self.block.context();
        if let Some(overrides) = block {
            // NUMBER answers the parent chain's number, so that is what an override sets.
            if let Some(number) = overrides.number {
                context.l1_number = number.saturating_to();
            }
            let env = &mut context.env;
            env.timestamp = overrides.time.map_or(env.timestamp, U256::from);
            env.gas_limit = overrides.gas_limit.unwrap_or(env.gas_limit);
            env.beneficiary = overrides.coinbase.unwrap_or(env.beneficiary);
            env.basefee = overrides.base_fee.map_or(env.basefee, |fee| fee.saturating_to());
        }
        self.context = Arc::new(context);
        Ok(())
    }

    /// Runs a request and returns its output.
    pub fn call(mut self, input: CallInput) -> Result<Bytes, CallError> {
        if let Some(answer) = self.node_interface(&input) {
            return answer;
        }
        self.override_with(input.state, input.block)?;
        let gas = input.request.gas.unwrap_or(self.call_gas).min(self.call_gas);
        output(self.run(&input.request, gas)?)
    }

    /// Runs a request with a gas limit.
    pub fn run(&self, request: &TransactionRequest, gas: u64) -> Result<Outcome, CallError> {
        self.execute(self.env(request, gas)?)
    }

    /// Runs what the engine understands.
    pub(super) fn execute(&self, job: impl Into<Job>) -> Result<Outcome, CallError> {
        let mut state = self.state.clone();
        Ok(self.vm.transact(&mut state, &self.fresh_context(), job, Mode::Call)?)
    }

    /// Gas that a request, once it is signed, will pay for being posted; padded as estimates are.
    pub fn poster_gas(&self, request: &TransactionRequest) -> Result<u64, CallError> {
        let env = self.env(request, request.gas.unwrap_or_default())?;
        Ok(self.vm.estimated_poster_gas(&mut self.state.clone(), &self.context, &env)?)
    }

    /// Price of one unit of calldata on the parent chain, in wei.
    pub fn l1_price(&self) -> Result<U256, CallError> {
        Ok(self.vm.l1_price(&mut self.state.clone())?)
    }

    /// The environment, without the recently used programs that an earlier run left in it.
    pub fn fresh_context(&self) -> BlockContext {
        let mut context = BlockContext::new(self.context.env.clone());
        context.l1_number = self.context.l1_number;
        context
    }

    /// The engine's input for a request.
    pub fn env(&self, request: &TransactionRequest, gas: u64) -> Result<TxEnv, CallError> {
        let caller = request.from.unwrap_or_default();
        let value = request.value.unwrap_or_default();
        let have = self.state.balance(caller);
        if value > have {
            return Err(CallError::Funds { sender: caller, have, want: value });
        }
        let authorizations = request.authorization_list.clone().unwrap_or_default();
        let mut env = TxEnv {
            tx_type: call_type(request),
            caller,
            gas_limit: gas,
            gas_price: request.max_fee_per_gas.or(request.gas_price).unwrap_or_default(),
            gas_priority_fee: request.max_priority_fee_per_gas,
            kind: request.to.unwrap_or(TxKind::Create),
            value,
            data: request.input.input().cloned().unwrap_or_default(),
            nonce: request.nonce.unwrap_or_else(|| self.state.nonce(caller)),
            chain_id: None,
            access_list: request.access_list.clone().unwrap_or_default(),
            ..TxEnv::default()
        };
        env.set_signed_authorization(authorizations);
        Ok(env)
    }
}

fn call_type(request: &TransactionRequest) -> u8 {
    if request.authorization_list.as_ref().is_some_and(|list| !list.is_empty()) {
        4
    } else if request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some() {
        2
    } else {
        u8::from(request.access_list.is_some())
    }
}

/// What a finished run returns to its caller.
pub fn output(outcome: Outcome) -> Result<Bytes, CallError> {
    if let Some(text) = outcome.error_text() {
        return Err(CallError::Halted(text));
    }
    match outcome.result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(CallError::Reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(CallError::Halted(format!("{reason:?}"))),
    }
}

/// The words that Ethereum clients use for a transaction that cannot be executed.
pub fn invalid_text(error: &VmError) -> String {
    let VmError::Transaction(invalid) = error else { return error.to_string() };
    match invalid {
        InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
            format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}")
        }
        InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
            format!("insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}")
        }
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        InvalidTransaction::NonceTooLow { tx, state } => {
            format!("nonce too low: tx: {tx} state: {state}")
        }
        InvalidTransaction::NonceTooHigh { tx, state } => {
            format!("nonce too high: tx: {tx} state: {state}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => {
            "max fee per gas less than block base fee".to_owned()
        }
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".to_owned()
        }
        InvalidTransaction::RejectCallerWithCode => "sender not an eoa".to_owned(),
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        other => other.to_string(),
    }
}

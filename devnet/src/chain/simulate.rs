//! Several calls in a row, in blocks that are made up (`eth_simulateV1`).

use super::Block;
use super::block::{Receipt, Seal};
use super::view::{CallError, View, invalid_text};
use crate::state::{OverrideError, apply_overrides};
use crate::tx::{Tx, TxError};
use crate::vm::{BlockContext, HostIoSink, Mode, Outcome, VmError};
use alloy::consensus::{Eip658Value, Receipt as ConsensusReceipt, ReceiptEnvelope};
use alloy::primitives::{TxKind, U256};
use alloy::rpc::types::simulate::{SimBlock, SimCallResult, SimulateError, SimulatePayload};
use alloy::rpc::types::{BlockOverrides, TransactionRequest};
use revm::DatabaseCommit;
use revm::context_interface::result::{ExecutionResult, InvalidTransaction, Output};
use revm_inspectors::transfer::TransferInspector;
use std::sync::Arc;

/// Most blocks of one simulation, made up in between ones included.
const MOST_BLOCKS: u64 = 256;

/// Why a simulation has no result at all.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Block numbers must rise.
    #[error("block numbers must be in order: {0} <= {1}")]
    Number(u64, u64),
    /// Time must not go back.
    #[error("block timestamps must be in order: {0} < {1}")]
    Timestamp(u64, u64),
    /// Too much.
    #[error("too many blocks: at most {MOST_BLOCKS}")]
    TooMany,
    /// The calls want more gas than a simulation may use.
    #[error("block gas limit reached: {left} left, {wanted} wanted")]
    Gas {
        /// What is left.
        left: u64,
        /// What the call wants.
        wanted: u64,
    },
    /// The overrides contradict each other.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// A call is no transaction.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// A call cannot begin.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A call is not valid.
    #[error("{}", invalid_text(.0))]
    Vm(#[from] VmError),
}

impl SimulationError {
    /// The code that the method's specification gives.
    pub fn code(&self) -> i32 {
        match self {
            Self::Number(..) => -38_020,
            Self::Timestamp(..) => -38_021,
            Self::TooMany => -38_026,
            Self::Gas { .. } => -38_015,
            Self::Override(_) | Self::Tx(_) => -32_602,
            Self::Call(CallError::Funds { .. }) => -38_014,
            Self::Call(_) => -32_000,
            Self::Vm(VmError::Transaction(invalid)) => match invalid {
                InvalidTransaction::NonceTooLow { .. } => -38_010,
                InvalidTransaction::NonceTooHigh { .. } => -38_011,
                InvalidTransaction::GasPriceLessThanBasefee => -38_012,
                InvalidTransaction::CallGasCostMoreThanGasLimit { .. } => -38_013,
                InvalidTransaction::LackOfFundForMaxFee { .. } => -38_014,
                _ => -32_000,
            },
            Self::Vm(_) => -32_000,
        }
    }
}

/// A made-up block with what its calls returned.
pub type Simulated = (Block, Vec<SimCallResult>);

impl HostIoSink for TransferInspector {}

/// A simulation in progress.
struct Simulation {
    view: View,
    chain_id: u64,
    validate: bool,
    transfers: bool,
    gas_left: u64,
    done: Vec<Simulated>,
}

impl View {
    /// Runs the calls block by block on top of this view.
    pub fn simulate(
        self,
        payload: SimulatePayload,
        chain_id: u64,
    ) -> Result<Vec<Simulated>, SimulationError> {
        let mut simulation = Simulation {
            gas_left: self.call_gas,
            view: self,
            chain_id,
            validate: payload.validation,
            transfers: payload.trace_transfers,
            done: Vec::new(),
        };
        for block in payload.block_state_calls {
            simulation.reach(&block)?;
            simulation.block(block)?;
        }
        Ok(simulation.done)
    }
}

impl Simulation {
    /// Fills the gap before a block with empty ones.
    fn reach(&mut self, block: &SimBlock) -> Result<(), SimulationError> {
        let head = self.view.block.number();
        let number =
            block.block_number_override().map_or(head + 1, |number| number.saturating_to());
        if number <= head {
            return Err(SimulationError::Number(number, head));
        }
        if number - head + self.done.len() as u64 > MOST_BLOCKS {
            return Err(SimulationError::TooMany);
        }
        for _ in head + 1..number {
            self.block(SimBlock::default())?;
        }
        Ok(())
    }

    fn block(&mut self, block: SimBlock) -> Result<(), SimulationError> {
        if let Some(overrides) = block.state_overrides {
            apply_overrides(&mut self.view.state, overrides)?;
        }
        let context = self.context(&block.block_overrides.unwrap_or_default())?;
        self.view.context = Arc::new(context);
        let (mut txs, mut receipts, mut results) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gas_used, mut logs) = (0, 0);
        for request in block.calls {
            let (tx, outcome) = self.call(request)?;
            gas_used += outcome.result.tx_gas_used();
            let (receipt, result) = record(&tx, outcome, gas_used, logs);
            logs += receipt.envelope.logs().len() as u64;
            txs.push(tx);
            receipts.push(receipt);
            results.push(result);
        }
        self.seal(txs, receipts, results);
        Ok(())
    }

    /// The environment of the block after the present one.
    fn context(&self, wanted: &BlockOverrides) -> Result<BlockContext, SimulationError> {
        let parent = &self.view.block;
        let mut context = parent.context();
        let env = &mut context.env;
        env.number = U256::from(parent.number() + 1);
        let earliest = parent.header.timestamp;
        let timestamp = wanted.time.unwrap_or(earliest + 1);
        if timestamp < earliest {
            return Err(SimulationError::Timestamp(timestamp, earliest));
        }
        env.timestamp = U256::from(timestamp);
        env.beneficiary = wanted.coinbase.unwrap_or(env.beneficiary);
        let usual = if self.validate { env.basefee } else { 0 };
        env.basefee = wanted.base_fee.map_or(usual, |fee| fee.saturating_to());
        Ok(context)
    }

    fn call(&mut self, request: TransactionRequest) -> Result<(Tx, Outcome), SimulationError> {
        let left = self.gas_left;
        let gas = request.gas.unwrap_or(left);
        if gas > left {
            return Err(SimulationError::Gas { left, wanted: gas });
        }
        let mut env = self.view.env(&request, gas)?;
        env.chain_id = Some(self.chain_id);
        let tx = self.complete(request, gas, env.nonce)?;
        let mode = if self.validate { Mode::Transaction } else { Mode::Call };
        let (vm, context) = (self.view.vm.clone(), self.view.context.clone());
        let state = &mut self.view.state;
        let outcome = if self.transfers {
            let mut inspector = TransferInspector::new(false).with_logs(true);
            vm.inspect(state, &context, env, mode, &mut inspector)?
        } else {
            vm.transact(state, &context, env, mode)?
        };
        self.gas_left -= outcome.result.tx_gas_used().min(self.gas_left);
        self.view.state.commit(outcome.state.clone());
        Ok((tx, outcome))
    }

    /// The call as a transaction, for the block's list.
    fn complete(
        &self,
        mut request: TransactionRequest,
        gas: u64,
        nonce: u64,
    ) -> Result<Tx, SimulationError> {
        let sender = request.from.unwrap_or_default();
        request.chain_id = Some(self.chain_id);
        request.gas = Some(gas);
        request.nonce = Some(nonce);
        request.input.normalize_input();
        request.to.get_or_insert(TxKind::Create);
        request.value.get_or_insert(U256::ZERO);
        if request.gas_price.is_none() {
            request.max_fee_per_gas.get_or_insert(0);
            request.max_priority_fee_per_gas.get_or_insert(0);
        }
        Ok(Tx::impersonate(request, sender)?)
    }

    fn seal(&mut self, txs: Vec<Tx>, receipts: Vec<Receipt>, mut results: Vec<SimCallResult>) {
        let env = self.view.context.env.clone();
        let view = &mut self.view;
        let seal = Seal {
            parent: view.block.hash(),
            number: env.number.saturating_to(),
            timestamp: env.timestamp.saturating_to(),
            base_fee: env.basefee,
            beneficiary: env.beneficiary,
            fork: 0,
            arbos: view.vm.arbos_version(&mut view.state).unwrap_or_default(),
            sends: view.vm.sends(&mut view.state).unwrap_or_default(),
        };
        let block = Block::seal(seal, txs, receipts, view.state.clone());
        for (index, result) in results.iter_mut().enumerate() {
            result.logs = block.logs_of(index);
        }
        view.block = Arc::new(block.clone());
        self.done.push((block, results));
    }
}

fn record(tx: &Tx, outcome: Outcome, cumulative: u64, first_log: u64) -> (Receipt, SimCallResult) {
    let gas_used = outcome.result.tx_gas_used();
    let failure = outcome.error_text();
    let (status, output, logs, error) = match outcome.result {
        ExecutionResult::Success { output, logs, .. } => {
            let data = match output {
                Output::Call(data) | Output::Create(data, _) => data,
            };
            (true, data, logs, None)
        }
        ExecutionResult::Revert { output, .. } => {
            let code = SimulateError::EXECUTION_REVERTED_CODE;
            let message = CallError::Reverted(output.clone()).to_string();
            let error = SimulateError { code, message, data: Some(output.clone()) };
            (false, output, Vec::new(), Some(error))
        }
        ExecutionResult::Halt { .. } => {
            let code = SimulateError::VM_EXECUTION_ERROR_CODE;
            let message = failure.unwrap_or_default();
            let error = SimulateError { code, message, data: None };
            (false, Default::default(), Vec::new(), Some(error))
        }
    };
    let status_value = Eip658Value::Eip658(status);
    let receipt = ConsensusReceipt { status: status_value, cumulative_gas_used: cumulative, logs };
    let receipt = Receipt {
        envelope: ReceiptEnvelope::from_typed(tx.envelope().tx_type(), receipt.with_bloom()),
        gas_used,
        gas_used_for_l1: 0,
        effective_gas_price: 0,
        contract_address: None,
        first_log,
    };
    let result =
        SimCallResult { return_data: output, gas_used, status, error, ..Default::default() };
    (receipt, result)
}

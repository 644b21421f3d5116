//! Running mined transactions again, to trace them.

use super::mine::{job, mode_of, transact};
use super::view::{CallError, CallInput, View};
use super::{Chain, LookupError};
use crate::state::State;
use crate::trace::CallTracer;
use crate::tx::Tx;
use crate::vm::{BlockContext, Mode, Outcome};
use alloy::eips::BlockId;
use alloy::primitives::B256;
use alloy::rpc::types::trace::geth::{CallConfig, CallFrame};
use revm::DatabaseCommit;
use revm::context::TxEnv;

/// The transactions of a block, from the state before it.
#[derive(Debug, Clone)]
pub struct Replay {
    view: View,
    block: std::sync::Arc<super::Block>,
}

impl Chain {
    /// Prepares a block to be run again.
    pub fn replay(&self, block: BlockId) -> Result<Replay, LookupError> {
        let block = self.find(block).ok_or(LookupError::NotFound)?.clone();
        let parent = block.number().checked_sub(1).ok_or(LookupError::NotFound)?;
        let view = self.view(parent.into())?;
        Ok(Replay { view, block })
    }

    /// Prepares the block of a transaction, and tells the transaction's index.
    pub fn replay_tx(&self, hash: B256) -> Result<Option<(Replay, usize)>, LookupError> {
        let Some((block, index)) = self.find_tx(&hash) else { return Ok(None) };
        let block = block.number();
        Ok(Some((self.replay(block.into())?, index)))
    }
}

impl Replay {
    /// The hashes of the block's transactions.
    pub fn hashes(&self) -> impl Iterator<Item = B256> {
        self.block.txs.iter().map(Tx::hash)
    }

    /// Traces the calls of the transaction with an index.
    pub fn calls(self, index: usize, config: CallConfig) -> Result<CallFrame, CallError> {
        let context = self.block.context();
        let mut state = self.start()?;
        for tx in self.block.txs.iter().take(index) {
            let outcome = transact(&self.view.vm, &mut state, &context, tx)?;
            state.commit(outcome.state);
        }
        let tx = self.block.txs.get(index).ok_or(LookupError::NotFound)?;
        let (frame, _) = self.trace(&mut state, &context, tx, config)?;
        Ok(frame)
    }

    /// Traces the calls of all transactions.
    pub fn all_calls(self, config: CallConfig) -> Result<Vec<CallFrame>, CallError> {
        let context = self.block.context();
        let mut state = self.start()?;
        let mut frames = Vec::with_capacity(self.block.txs.len());
        for tx in &self.block.txs {
            let (frame, outcome) = self.trace(&mut state, &context, tx, config)?;
            state.commit(outcome.state);
            frames.push(frame);
        }
        Ok(frames)
    }

    /// The state in which the block's first transaction ran.
    fn start(&self) -> Result<State, CallError> {
        let mut state = self.view.state.clone();
        let timestamp = self.block.header.timestamp;
        let passed = timestamp.saturating_sub(self.view.block.header.timestamp);
        if let Some(changes) = self.view.vm.begin_block(&mut state, timestamp, passed)? {
            state.commit(changes);
        }
        Ok(state)
    }

    fn trace(
        &self,
        state: &mut State,
        context: &BlockContext,
        tx: &Tx,
        config: CallConfig,
    ) -> Result<(CallFrame, Outcome), CallError> {
        let mut tracer = CallTracer::new(config);
        let job = job(&self.view.vm, state, context, tx)?;
        let gas = job.env.gas_limit;
        let mode = mode_of(tx, state);
        let outcome = self.view.vm.inspect(state, context, job, mode, &mut tracer)?;
        Ok((tracer.finish(gas, &outcome), outcome))
    }
}

impl View {
    /// Traces the calls of a request.
    pub fn trace_call(
        mut self,
        input: CallInput,
        config: CallConfig,
    ) -> Result<CallFrame, CallError> {
        self.override_with(input.state, input.block)?;
        let gas = input.request.gas.unwrap_or(self.call_gas).min(self.call_gas);
        let env = self.env(&input.request, gas)?;
        let mut tracer = CallTracer::new(config);
        let outcome = self.inspect(env, &mut tracer)?;
        Ok(tracer.finish(gas, &outcome))
    }

    fn inspect(&self, env: TxEnv, tracer: &mut CallTracer) -> Result<Outcome, CallError> {
        let mut state = self.state.clone();
        Ok(self.vm.inspect(&mut state, &self.fresh_context(), env, Mode::Call, tracer)?)
    }
}

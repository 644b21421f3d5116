//! Running mined transactions again, to trace them.

use super::mine::{job, mode_of, transact};
use super::view::{CallError, CallInput, View};
use super::{Chain, LookupError};
use crate::state::State;
use crate::trace::{Finished, TraceOptions, Tracer};
use crate::tx::Tx;
use crate::vm::{BlockContext, Job, Mode, Outcome, Vm};
use alloy::eips::BlockId;
use alloy::primitives::B256;
use revm::DatabaseCommit;
use revm_inspectors::tracing::TransactionContext;
use serde_json::Value;

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

    /// Traces the transaction with an index.
    pub fn trace(self, index: usize, options: &TraceOptions) -> Result<Value, CallError> {
        let context = self.block.context();
        let mut state = self.state_before(index, &context)?;
        Ok(self.trace_at(index, &mut state, &context, options)?.0)
    }

    /// The block's environment with the state that the transaction with an index met.
    pub fn view_at(self, index: usize) -> Result<View, CallError> {
        if index >= self.block.txs.len() {
            return Err(CallError::Lookup(LookupError::NotFound));
        }
        let context = self.block.context();
        let state = self.state_before(index, &context)?;
        Ok(View { state, context: context.into(), block: self.block, ..self.view })
    }

    /// Traces all transactions.
    pub fn trace_all(self, options: &TraceOptions) -> Result<Vec<Value>, CallError> {
        let context = self.block.context();
        let mut state = self.start()?;
        let mut traces = Vec::with_capacity(self.block.txs.len());
        for index in 0..self.block.txs.len() {
            let (trace, outcome) = self.trace_at(index, &mut state, &context, options)?;
            state.commit(outcome.state);
            traces.push(trace);
        }
        Ok(traces)
    }

    fn state_before(&self, index: usize, context: &BlockContext) -> Result<State, CallError> {
        let mut state = self.start()?;
        for tx in self.block.txs.iter().take(index) {
            let outcome = transact(&self.view.vm, &mut state, context, tx)?;
            state.commit(outcome.state);
        }
        Ok(state)
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

    fn trace_at(
        &self,
        index: usize,
        state: &mut State,
        context: &BlockContext,
        options: &TraceOptions,
    ) -> Result<(Value, Outcome), CallError> {
        let tx = self.block.txs.get(index).ok_or(LookupError::NotFound)?;
        let place = TransactionContext::default()
            .with_block_hash(self.block.hash())
            .with_tx_index(index)
            .with_tx_hash(tx.hash());
        let job = job(&self.view.vm, state, context, tx)?;
        let run = Run { job, mode: mode_of(tx, state), place };
        run.trace(&self.view.vm, state, context, options)
    }
}

impl View {
    /// Traces a request.
    pub fn trace_call(
        mut self,
        input: CallInput,
        options: &TraceOptions,
    ) -> Result<Value, CallError> {
        self.override_with(input.state, input.block)?;
        let gas = input.request.gas.unwrap_or(self.call_gas).min(self.call_gas);
        let env = self.env(&input.request, gas)?;
        let run = Run { job: env.into(), mode: Mode::Call, place: TransactionContext::default() };
        let mut state = self.state.clone();
        Ok(run.trace(&self.vm, &mut state, &self.fresh_context(), options)?.0)
    }
}

/// One transaction to trace.
struct Run {
    job: Job,
    mode: Mode,
    place: TransactionContext,
}

impl Run {
    fn trace(
        self,
        vm: &Vm,
        state: &mut State,
        context: &BlockContext,
        options: &TraceOptions,
    ) -> Result<(Value, Outcome), CallError> {
        let mut tracer = Tracer::new(options)?;
        let result = vm.inspect(&mut *state, context, self.job.clone(), self.mode, &mut tracer);
        tracer.check()?;
        let outcome = result?;
        let (tx, block, place) = (&self.job.env, &context.env, self.place);
        let done = Finished { outcome: &outcome, tx, block, place, state };
        let trace = tracer.finish(done)?;
        Ok((trace, outcome))
    }
}

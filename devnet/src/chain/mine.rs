//! Making blocks out of transactions.

use super::block::{Block, Receipt, Seal};
use super::{Chain, ChainEvent, Clock};
use crate::state::State;
use crate::tx::Tx;
use crate::vm::{BlockContext, Job, Mode, Outcome, Vm, VmError};
use alloy::consensus::{Eip658Value, Receipt as ConsensusReceipt, ReceiptEnvelope, Transaction};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{B256, U256};
use revm::DatabaseCommit;
use revm::context::BlockEnv;
use std::sync::Arc;

/// A block could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MineError {
    /// The engine failed outside any transaction.
    #[error("block could not be made: {0}")]
    Vm(#[from] VmError),
}

/// Transactions that found no place in a block, and why.
pub type Rejected = Vec<(B256, VmError)>;

/// A block under construction.
struct Draft {
    clock: Clock,
    state: State,
    context: BlockContext,
    txs: Vec<Tx>,
    receipts: Vec<Receipt>,
    gas_used: u64,
    logs: u64,
}

impl Chain {
    /// Mines one block from the pool, as many transactions as fit, even if there are none.
    pub fn mine(&mut self) -> Result<(Arc<Block>, Rejected), MineError> {
        let mut draft = self.draft()?;
        let mut rejected = Vec::new();
        while draft.gas_used < self.block_gas
            && let Some(tx) = self.pool.next(|sender| draft.state.nonce(sender))
        {
            self.pool.remove(&tx.hash());
            self.include(&mut draft, tx, &mut rejected)?;
        }
        Ok((self.append(draft)?, rejected))
    }

    /// Mines what waits, one block for each transaction.
    pub fn mine_waiting(&mut self) -> Result<Rejected, MineError> {
        let mut rejected = Vec::new();
        while let Some(tx) = self.pool.next(|sender| self.state().nonce(sender)) {
            self.pool.remove(&tx.hash());
            self.mine_exactly(vec![tx], &mut rejected)?;
        }
        Ok(rejected)
    }

    /// Mines one block of the given transactions. No block is made if all of several are rejected.
    pub(super) fn mine_exactly(
        &mut self,
        txs: Vec<Tx>,
        rejected: &mut Rejected,
    ) -> Result<(), MineError> {
        let mut draft = self.draft()?;
        let empty = txs.is_empty();
        for tx in txs {
            self.include(&mut draft, tx, rejected)?;
        }
        if empty || !draft.txs.is_empty() {
            self.append(draft)?;
        }
        Ok(())
    }

    fn draft(&mut self) -> Result<Draft, MineError> {
        let head = self.head().clone();
        let mut clock = self.clock;
        let timestamp = clock.take(head.header.timestamp);
        let passed = timestamp.saturating_sub(head.header.timestamp);
        let mut context = head.context();
        context.env = BlockEnv {
            number: U256::from(head.number() + 1),
            timestamp: U256::from(timestamp),
            basefee: self.base_fee(),
            beneficiary: self.coinbase,
            ..context.env
        };
        let mut state = self.state().clone();
        if let Some(changes) = self.vm.begin_block(&mut state, timestamp, passed)? {
            state.commit(changes);
        }
        let (txs, receipts) = (Vec::new(), Vec::new());
        Ok(Draft { clock, state, context, txs, receipts, gas_used: 0, logs: 0 })
    }

    fn include(&self, draft: &mut Draft, tx: Tx, rejected: &mut Rejected) -> Result<(), MineError> {
        let hash = tx.hash();
        match transact(&self.vm, &mut draft.state, &draft.context, &tx) {
            Ok(outcome) => draft.add(tx, outcome),
            Err(error) => {
                tracing::info!(%hash, %error, "transaction rejected");
                rejected.push((hash, error));
            }
        }
        Ok(())
    }

    fn append(&mut self, mut draft: Draft) -> Result<Arc<Block>, MineError> {
        let head = self.head().clone();
        let seal = Seal {
            parent: head.hash(),
            number: head.number() + 1,
            timestamp: draft.context.env.timestamp.saturating_to(),
            base_fee: draft.context.env.basefee,
            beneficiary: self.coinbase,
            fork: self.fork,
            arbos: self.vm.arbos_version(&mut draft.state)?,
            sends: self.vm.sends(&mut draft.state)?,
        };
        self.clock = draft.clock;
        self.next_base_fee = None;
        let block = Arc::new(Block::seal(seal, draft.txs, draft.receipts, draft.state));
        self.push(block.clone());
        Ok(block)
    }

    fn push(&mut self, block: Arc<Block>) {
        let number = block.number();
        self.by_hash.insert(block.hash(), number);
        for (index, tx) in block.txs.iter().enumerate() {
            self.tx_index.insert(tx.hash(), (number, index));
        }
        self.blocks.push(block.clone());
        for tx in &block.txs {
            self.pool.prune(tx.sender(), self.state().nonce(tx.sender()));
        }
        self.forget_old_state(number);
        tracing::debug!(number, hash = %block.hash(), txs = block.txs.len(), "block");
        self.announce(ChainEvent::Added(block));
    }

    fn forget_old_state(&mut self, number: u64) {
        if let Some(old) = number.checked_sub(self.config.limits.state_history) {
            self.forget_state(old);
        }
    }

    /// Drops the state of an old block.
    pub(super) fn forget_state(&mut self, number: u64) {
        let index = usize::try_from(number).ok();
        let Some(block) = index.and_then(|index| self.blocks.get_mut(index)) else { return };
        if block.state.is_some() {
            Arc::make_mut(block).state = None;
        }
    }
}

/// Runs a transaction of a block.
pub(super) fn transact(
    vm: &Vm,
    state: &mut State,
    context: &BlockContext,
    tx: &Tx,
) -> Result<Outcome, VmError> {
    let job = job(vm, state, context, tx)?;
    vm.transact(state, context, job, mode_of(tx, state))
}

/// What the engine is given of a transaction. Nobody pays for posting what nobody signed.
pub(super) fn job(
    vm: &Vm,
    state: &mut State,
    context: &BlockContext,
    tx: &Tx,
) -> Result<Job, VmError> {
    let l1_gas = match mode_of(tx, state) {
        Mode::Transaction => vm.poster_gas(state, context, &tx.envelope().encoded_2718())?,
        Mode::Call => 0,
    };
    Ok(Job { env: tx.env(), l1_gas })
}

/// How strictly a transaction is checked. A contract that is impersonated may send, as it never
/// could by itself, and pays no fees then.
pub(super) fn mode_of(tx: &Tx, state: &State) -> Mode {
    let by_contract = || state.account(tx.sender()).is_some_and(|sender| !sender.code.is_empty());
    if tx.is_impersonated() && by_contract() { Mode::Call } else { Mode::Transaction }
}

impl Draft {
    fn add(&mut self, tx: Tx, outcome: Outcome) {
        let gas_used = outcome.result.tx_gas_used();
        self.gas_used += gas_used;
        let contract_address = tx.envelope().is_create().then(|| tx.sender().create(tx.nonce()));
        let receipt = ConsensusReceipt {
            status: Eip658Value::Eip658(outcome.result.is_success()),
            cumulative_gas_used: self.gas_used,
            logs: if outcome.result.is_success() { outcome.result.into_logs() } else { Vec::new() },
        };
        let first_log = self.logs;
        self.logs += receipt.logs.len() as u64;
        self.state.commit(outcome.state);
        self.receipts.push(Receipt {
            envelope: ReceiptEnvelope::from_typed(tx.envelope().tx_type(), receipt.with_bloom()),
            gas_used,
            gas_used_for_l1: outcome.gas_used_for_l1,
            effective_gas_price: u128::from(self.context.env.basefee),
            contract_address,
            first_log,
        });
        self.txs.push(tx);
    }
}

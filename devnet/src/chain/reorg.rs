//! Replacing the end of the chain by other blocks.

use super::mine::Rejected;
use super::{Block, Chain, ChainEvent, MineError, SubmitError};
use crate::tx::Tx;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::anvil::TransactionData;
use std::sync::Arc;

/// How the removed blocks are replaced.
#[derive(Debug, Clone, Default)]
pub struct Replacement {
    /// How many blocks are removed, and as many mined instead.
    pub depth: u64,
    /// Transactions for the new blocks: with the index of the new block, counted from 0.
    pub txs: Vec<(TransactionData, u64)>,
    /// Whether the removed transactions return, in the new block of the same index.
    pub keep: bool,
}

/// Why the chain cannot be reorganised so.
#[derive(Debug, thiserror::Error)]
pub enum ReorgError {
    /// More blocks than there are above genesis.
    #[error("reorg depth {depth} is more than the {height} blocks above genesis")]
    TooDeep {
        /// Blocks to remove.
        depth: u64,
        /// The latest block's number.
        height: u64,
    },
    /// The state to go back to is no longer kept.
    #[error("the state of block {0} is no longer kept: reorg less deeply")]
    Pruned(u64),
    /// A transaction names a block that is not among the new ones.
    #[error("transaction for new block {index}, but only {depth} blocks are replaced")]
    OutOfRange {
        /// The index given.
        index: u64,
        /// Blocks that are replaced.
        depth: u64,
    },
    /// A transaction cannot be built.
    #[error("transaction of the new chain: {0}")]
    Tx(#[from] SubmitError),
    /// A block could not be made.
    #[error(transparent)]
    Mine(#[from] MineError),
}

impl Chain {
    /// Removes the last blocks and mines as many others. Returns the rejected transactions.
    pub fn reorg(&mut self, replacement: Replacement) -> Result<Rejected, ReorgError> {
        let depth = replacement.depth;
        if let Some((_, index)) = replacement.txs.iter().find(|(_, index)| *index >= depth) {
            return Err(ReorgError::OutOfRange { index: *index, depth });
        }
        for (data, _) in &replacement.txs {
            self.check_replacement(data)?;
        }
        let removed = self.rollback(depth)?;
        let mut rejected = Vec::new();
        for (index, old) in (0u64..).zip(removed) {
            let mut txs = if replacement.keep { old.txs.clone() } else { Vec::new() };
            for (data, _) in replacement.txs.iter().filter(|(_, at)| *at == index) {
                txs.push(self.replacement_tx(data, &txs)?);
            }
            self.mine_anyway(txs, &mut rejected)?;
        }
        Ok(rejected)
    }

    /// Removes the last blocks and returns them, the oldest first.
    pub fn rollback(&mut self, depth: u64) -> Result<Vec<Arc<Block>>, ReorgError> {
        let height = self.height();
        let Some(to) = height.checked_sub(depth) else {
            return Err(ReorgError::TooDeep { depth, height });
        };
        if self.block(to).is_none_or(|block| block.state.is_none()) {
            return Err(ReorgError::Pruned(to));
        }
        let removed = self.truncate(to);
        self.drop_snapshots_above(to);
        Ok(removed)
    }

    /// Cuts everything above `height` off, announces it, and returns it, the oldest first.
    pub(super) fn truncate(&mut self, height: u64) -> Vec<Arc<Block>> {
        let keep = usize::try_from(height).unwrap_or(usize::MAX).saturating_add(1);
        if keep >= self.blocks.len() {
            return Vec::new();
        }
        self.fork += 1;
        let removed = self.blocks.split_off(keep);
        for block in removed.iter().rev() {
            self.by_hash.remove(&block.hash());
            for tx in &block.txs {
                self.tx_index.remove(&tx.hash());
            }
            self.announce(ChainEvent::Removed(block.clone()));
        }
        removed
    }

    fn mine_anyway(&mut self, txs: Vec<Tx>, rejected: &mut Rejected) -> Result<(), MineError> {
        let height = self.height();
        self.mine_exactly(txs, rejected)?;
        if self.height() == height {
            self.mine_exactly(Vec::new(), rejected)?;
        }
        Ok(())
    }

    /// Refuses what cannot be built before anything is removed.
    fn check_replacement(&self, data: &TransactionData) -> Result<(), SubmitError> {
        match data {
            TransactionData::Raw(raw) => Ok(Tx::decode(raw)?.check_chain(self.config.chain_id)?),
            TransactionData::JSON(request) => self.build(request.clone()).map(|_| ()),
        }
    }

    /// Builds one transaction; nonces count on from `before`, which stand in the same block.
    fn replacement_tx(&self, data: &TransactionData, before: &[Tx]) -> Result<Tx, SubmitError> {
        let request: TransactionRequest = match data {
            TransactionData::Raw(raw) => return Ok(Tx::decode(raw)?),
            TransactionData::JSON(request) => request.clone(),
        };
        let sender = request.from.or(self.accounts().first().copied()).unwrap_or_default();
        let earlier = before.iter().filter(|tx| tx.sender() == sender).count() as u64;
        let nonce = request.nonce.unwrap_or(self.state().nonce(sender) + earlier);
        self.build(TransactionRequest { nonce: Some(nonce), ..request })
    }
}

//! Finding blocks and transactions.

use super::{Block, Chain};
use crate::state::State;
use crate::tx::Tx;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256};
use std::sync::Arc;

/// How a request names a block.
pub type BlockRef = BlockId;

/// A block or state that was asked for is not there.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LookupError {
    /// No such number, or not on this chain.
    #[error("header not found")]
    NotFound,
    /// The hash is known but has left the chain.
    #[error("hash {0} is not currently canonical")]
    NotCanonical(B256),
    /// The block is there, its state is not.
    #[error("historical state of block {0} is not available: only recent states are kept")]
    Pruned(u64),
}

impl Chain {
    /// The latest block.
    pub fn head(&self) -> &Arc<Block> {
        // A chain is created with a genesis block and never loses it.
        &self.blocks[self.blocks.len() - 1]
    }

    /// The latest state.
    pub fn state(&self) -> &State {
        static NOTHING: std::sync::LazyLock<State> = std::sync::LazyLock::new(State::default);
        self.head().state.as_ref().unwrap_or(&NOTHING)
    }

    /// The block with a number.
    pub fn block(&self, number: u64) -> Option<&Arc<Block>> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// The block with a hash.
    pub fn block_by_hash(&self, hash: &B256) -> Option<&Arc<Block>> {
        self.block(*self.by_hash.get(hash)?)
    }

    /// The block that a request names. Pending, safe and finalized mean the latest.
    pub fn find(&self, block: BlockRef) -> Option<&Arc<Block>> {
        match block {
            BlockId::Hash(hash) => self.block_by_hash(&hash.block_hash),
            BlockId::Number(BlockNumberOrTag::Number(number)) => self.block(number),
            BlockId::Number(BlockNumberOrTag::Earliest) => self.blocks.first(),
            BlockId::Number(_) => self.blocks.last(),
        }
    }

    /// The block that a request names, with its state.
    pub fn find_state(&self, block: BlockRef) -> Result<(&Arc<Block>, &State), LookupError> {
        let found = self.find(block).ok_or(LookupError::NotFound)?;
        let state = found.state.as_ref().ok_or(LookupError::Pruned(found.number()))?;
        Ok((found, state))
    }

    /// A mined transaction's block and index in it.
    pub fn find_tx(&self, hash: &B256) -> Option<(&Arc<Block>, usize)> {
        let (number, index) = self.tx_index.get(hash)?;
        Some((self.block(*number)?, *index))
    }

    /// A transaction that waits.
    pub fn find_waiting(&self, hash: &B256) -> Option<&Tx> {
        self.pool.get(hash)
    }

    /// Every transaction that waits, with whether its turn can come without further ones.
    pub fn waiting(&self) -> Vec<(Tx, bool)> {
        self.pool.all(|sender| self.state().nonce(sender))
    }

    /// The nonce of a sender's next transaction, counting those that wait.
    pub fn pending_nonce(&self, sender: Address) -> u64 {
        self.pool.pending_nonce(sender, self.state().nonce(sender))
    }

    /// The number of the latest block.
    pub fn height(&self) -> u64 {
        self.head().number()
    }
}

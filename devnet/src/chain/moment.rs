//! The whole chain at one moment, to be saved, and going on from one that was.

use super::{Block, Chain, Clock};
use crate::pool::Pool;
use crate::tx::Tx;
use alloy::primitives::Address;
use std::sync::Arc;

/// Everything of a chain that outlives its process. Cheap to take.
#[derive(Debug, Clone)]
pub struct Moment {
    /// All blocks from genesis on; the latest has its state.
    pub blocks: Vec<Arc<Block>>,
    /// Waiting transactions in the order of arrival.
    pub pool: Vec<Tx>,
    /// The chain's time.
    pub clock: Clock,
    /// Base fee of the next block, if it was set.
    pub next_base_fee: Option<u64>,
    /// Beneficiary of the next blocks.
    pub coinbase: Address,
    /// How many times the chain was reorganised.
    pub fork: u64,
}

impl Moment {
    /// Drops all states but the latest.
    pub fn forget_states(&mut self) {
        let latest = self.blocks.len().saturating_sub(1);
        for block in &mut self.blocks[..latest] {
            Arc::make_mut(block).state = None;
        }
    }
}

impl Chain {
    /// The present moment.
    pub fn moment(&self) -> Moment {
        Moment {
            blocks: self.blocks.clone(),
            pool: self.pool.in_order(),
            clock: self.clock,
            next_base_fee: self.next_base_fee,
            coinbase: self.coinbase,
            fork: self.fork,
        }
    }

    /// Goes on from a moment; what was there before is gone, snapshots and filters too.
    pub fn resume(&mut self, moment: Moment) {
        self.by_hash.clear();
        self.tx_index.clear();
        for (number, block) in (0u64..).zip(&moment.blocks) {
            self.by_hash.insert(block.hash(), number);
            for (index, tx) in block.txs.iter().enumerate() {
                self.tx_index.insert(tx.hash(), (number, index));
            }
        }
        self.blocks = moment.blocks;
        self.pool = Pool::new(self.config.order);
        for tx in moment.pool {
            if let Err(error) = self.pool.add(tx) {
                tracing::warn!(%error, "a waiting transaction of the saved state is dropped");
            }
        }
        self.clock = moment.clock;
        self.next_base_fee = moment.next_base_fee;
        self.coinbase = moment.coinbase;
        self.fork = moment.fork;
        self.snapshots.clear();
        self.filters = Default::default();
        let height = self.height();
        for number in 0..height.saturating_sub(self.config.limits.state_history.max(1) - 1) {
            self.forget_state(number);
        }
    }

    /// Goes back to the genesis block as it was at the start.
    pub fn reset(&mut self) {
        let moment = Moment {
            blocks: vec![self.genesis.clone()],
            pool: Vec::new(),
            clock: Clock::new(self.config.timestamp),
            next_base_fee: None,
            coinbase: super::SEQUENCER,
            fork: self.fork + 1,
        };
        self.resume(moment);
        self.impersonated.clear();
        self.impersonate_all = false;
    }
}

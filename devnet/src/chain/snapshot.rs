//! Snapshots: remembering a moment of the chain and going back to it.

use super::{Chain, Clock};
use crate::pool::Pool;
use crate::state::State;
use alloy::primitives::U256;

/// A remembered moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    height: u64,
    state: State,
    pool: Pool,
    clock: Clock,
    next_base_fee: Option<u64>,
}

impl Chain {
    /// Remembers the present moment and returns its id.
    pub fn snapshot(&mut self) -> U256 {
        let id = self.snapshot_count;
        self.snapshot_count += 1;
        let snapshot = Snapshot {
            height: self.height(),
            state: self.state().clone(),
            pool: self.pool.clone(),
            clock: self.clock,
            next_base_fee: self.next_base_fee,
        };
        self.snapshots.insert(id, snapshot);
        U256::from(id)
    }

    /// Goes back to a snapshot, which is used up together with all later ones. False if unknown.
    pub fn revert(&mut self, id: U256) -> bool {
        let Some(snapshot) =
            u64::try_from(id).ok().and_then(|id| self.snapshots.split_off(&id).remove(&id))
        else {
            return false;
        };
        self.truncate(snapshot.height);
        self.edit(|state| *state = snapshot.state);
        self.pool = snapshot.pool;
        self.clock = snapshot.clock;
        self.next_base_fee = snapshot.next_base_fee;
        true
    }

    /// The ids of the snapshots and the blocks they were taken at.
    pub fn snapshots(&self) -> impl Iterator<Item = (u64, u64)> {
        self.snapshots.iter().map(|(id, snapshot)| (*id, snapshot.height))
    }

    /// Drops the snapshots of blocks that have left the chain.
    pub(super) fn drop_snapshots_above(&mut self, height: u64) {
        self.snapshots.retain(|_, snapshot| snapshot.height <= height);
    }
}

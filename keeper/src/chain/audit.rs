//! Comparing the registry's count of purchases with the jobs.
//!
//! Purchases are numbered from 1 without a gap, so a number without a job proves a purchase that
//! no log told of, whatever the node left out and whenever.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use alloy::eips::BlockId;
use alloy::primitives::U256;
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use bindings::AgentRegistry;
use domain::ids::{AgentId, PurchaseId};
use domain::job::{BlockRef, Purchase};
use futures::StreamExt;

use super::client::{Chain, at};
use super::decode;
use super::error::{ChainError, Doing};
use crate::store::{BlockFacts, Fact, Store};

/// Pause between two audits of a chain that grows.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause before one that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Purchases looked at between two looks for blocks, so that an old registry with many does not
/// keep the watcher from them.
const STEP: usize = 64;
/// Purchases read at the same time.
const CONCURRENCY: usize = 4;

/// What the audits know of each other.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    /// The first number that this keeper serves, once the node has told.
    first: Option<u64>,
    /// The block that was audited last.
    audited: Option<BlockRef>,
    /// When the next audit is due.
    due: Option<Instant>,
    /// The highest number that a log told of.
    highest: Option<u64>,
    /// Numbers that need no job, for their purchases are closed; and the block's number as of
    /// which they are.
    closed: HashMap<u64, u64>,
}

impl Auditor {
    /// Makes the next audit due at once.
    pub(super) fn hurry(&mut self) {
        (self.audited, self.due) = (None, None);
    }

    /// Notes a purchase that a log told of; one that leaves a gap before it makes the next audit
    /// due at once.
    pub(super) fn note_purchase(&mut self, id: u64) {
        if self.highest.is_some_and(|highest| id > highest + 1) {
            self.hurry();
        }
        self.highest = self.highest.max(Some(id));
    }

    /// Forgets what was read of blocks above `anchor`: they may have left the chain.
    pub(super) fn forget_above(&mut self, anchor: Option<BlockRef>) {
        let last = anchor.map_or(0, |anchor| anchor.number);
        self.closed.retain(|_, read_at| *read_at <= last);
    }

    /// Audits as of `tip` if the chain has grown and an audit is due. What one step leaves is due
    /// at the next look, and a failed audit is tried again; the watching goes on meanwhile.
    pub(super) async fn audit_if_due(&mut self, chain: &Chain, store: &Store, tip: BlockRef) {
        if self.audited == Some(tip) || self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        self.due = match self.audit_step(chain, store, tip).await {
            Ok(false) => {
                self.audited = Some(tip);
                Some(Instant::now() + PAUSE)
            }
            Ok(true) => None,
            Err(error) => {
                tracing::warn!(%error, "the purchases could not be counted; it is tried again");
                Some(Instant::now() + RETRY)
            }
        };
    }

    /// Looks at the newest purchases without a job; returns whether there may be more.
    async fn audit_step(
        &mut self,
        chain: &Chain,
        store: &Store,
        tip: BlockRef,
    ) -> Result<bool, ChainError> {
        let count = chain.registry().purchaseCount().block(at(&tip)).call().await;
        let count = count.doing("counting the purchases")?;
        let first = self.first_served(chain).await;
        let missing = store.missing_jobs(first, count, STEP + self.closed.len()).await?;
        let missing = missing.into_iter().filter(|id| !self.closed.contains_key(id));
        let step: Vec<u64> = missing.take(STEP).collect();
        let more = step.len() == STEP;
        let looks = step.into_iter().map(|id| {
            let (chain, store) = (chain.clone(), store.clone());
            async move { find_purchase(&chain, &store, id, tip).await.map(|found| (id, found)) }
        });
        let mut looks = futures::stream::iter(looks).buffer_unordered(CONCURRENCY);
        let mut found = Vec::new();
        while let Some(look) = looks.next().await {
            match look? {
                (_, Some(facts)) => found.push(facts),
                (id, None) => {
                    self.closed.insert(id, tip.number);
                }
            }
        }
        metrics::counter!("nexus_keeper_purchases_missed_total").increment(found.len() as u64);
        store.add_missed(found).await?;
        Ok(more)
    }

    /// Returns the number of the first purchase after `chain.start_block`; 1 as long as the node
    /// does not tell, because it has no state of old or fails. The closed purchases before it are
    /// only looked at, then.
    async fn first_served(&mut self, chain: &Chain) -> u64 {
        let Some(before) = chain.config.start_block.checked_sub(1) else { return 1 };
        if let Some(first) = self.first {
            return first;
        }
        let registry = chain.registry();
        match registry.purchaseCount().block(BlockId::number(before)).call().await {
            Ok(count) => *self.first.insert(count + 1),
            Err(error) => {
                let error = ChainError::rpc("counting the purchases at the start", &error);
                tracing::debug!(%error, before, "purchases are audited from the first on");
                1
            }
        }
    }
}

/// Finds an open purchase by its own log, or by the registry's storage if the node keeps that log
/// back: then its block is the one it was read at. `None` if it is closed and nobody needs it.
async fn find_purchase(
    chain: &Chain,
    store: &Store,
    id: u64,
    tip: BlockRef,
) -> Result<Option<BlockFacts>, ChainError> {
    // First of all, for closed ones may be many, and a search of the logs may be long.
    let read = chain.registry().purchaseOf(id).block(at(&tip)).call().await;
    let read = read.doing("reading a purchase")?;
    if read.status != 1 {
        return Ok(None);
    }
    tracing::warn!(purchase = id, "no log told of this purchase: it is read back");
    let before = store.job(id.saturating_sub(1)).await?;
    let from = before.map_or(chain.config.start_block, |row| row.state.purchase().block.number);
    let filter = chain
        .filter()
        .event_signature(AgentRegistry::Purchased::SIGNATURE_HASH)
        .topic1(U256::from(id));
    let fact = |log: &Log| {
        let block = BlockRef { number: log.block_number?, hash: log.block_hash? };
        match decode::fact(log, block, chain.account)? {
            Fact::Purchased(bought, input) if bought.id.0 == id => {
                Some(BlockFacts { block, facts: vec![Fact::Purchased(bought, input)] })
            }
            _ => None,
        }
    };
    if let Some(found) = chain.newest_log(&filter, (from.min(tip.number), tip.number), fact).await?
        && chain.is_canonical(found.block).await?
    {
        return Ok(Some(found));
    }
    let purchase = Purchase {
        id: PurchaseId(id),
        agent_id: AgentId(read.agentId),
        version: read.version,
        buyer: read.buyer,
        escrow: read.escrow,
        deadline: read.deadline,
        input_hash: read.inputHash,
        block: tip,
    };
    let facts = vec![Fact::Purchased(Box::new(purchase), None)];
    Ok(Some(BlockFacts { block: tip, facts }))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    #[test]
    fn a_purchase_is_not_closed_by_a_block_that_left_the_chain() {
        let closed = HashMap::from([(1, 9), (2, 10), (3, 11)]);
        let mut auditor = Auditor { closed, ..Auditor::default() };
        auditor.forget_above(Some(BlockRef { number: 10, hash: B256::ZERO }));
        assert_eq!(auditor.closed, HashMap::from([(1, 9), (2, 10)]));
        auditor.forget_above(None);
        assert!(auditor.closed.is_empty());
    }
}

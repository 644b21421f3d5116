//! Comparing the registry's count of purchases with the jobs.
//!
//! Purchases are numbered from 1 without a gap, so a number without a job proves a purchase that
//! no log told of, whatever the node left out and whenever.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use alloy::contract::Error as CallError;
use alloy::eips::BlockId;
use alloy::primitives::U256;
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use bindings::AgentRegistry;
use domain::ids::{AgentId, PurchaseId};
use domain::job::{BlockRef, Purchase};

use super::client::{Chain, at};
use super::decode;
use super::error::{ChainError, Doing};
use crate::store::{BlockFacts, Fact, Store};

/// Pause between two audits of a chain that grows.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause before one that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Purchases fetched in one audit.
const MOST: usize = 256;

/// What the audits know of each other.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    /// The first number that this keeper serves, once known.
    first: Option<u64>,
    /// The block that was audited last.
    audited: Option<BlockRef>,
    /// When the next audit is due.
    due: Option<Instant>,
    /// The highest number that a log told of.
    highest: Option<u64>,
    /// Numbers that need no job: closed long ago, and their logs are not to be had.
    settled: HashSet<u64>,
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

    /// Audits as of `tip` if the chain has grown and an audit is due. A failed audit is tried
    /// again; the watching goes on meanwhile.
    pub(super) async fn audit_if_due(&mut self, chain: &Chain, store: &Store, tip: BlockRef) {
        if self.audited == Some(tip) || self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        let pause = match self.audit(chain, store, tip).await {
            Ok(()) => {
                self.audited = Some(tip);
                PAUSE
            }
            Err(error) => {
                tracing::warn!(%error, "the purchases could not be counted; it is tried again");
                RETRY
            }
        };
        self.due = Some(Instant::now() + pause);
    }

    async fn audit(
        &mut self,
        chain: &Chain,
        store: &Store,
        tip: BlockRef,
    ) -> Result<(), ChainError> {
        let count = chain.registry().purchaseCount().block(at(&tip)).call().await;
        let count = count.doing("counting the purchases")?;
        let first = self.first_served(chain, store, count).await?;
        let missing = store.missing_jobs(first, count, MOST + self.settled.len()).await?;
        let missing = missing.into_iter().filter(|id| !self.settled.contains(id));
        let mut found = Vec::new();
        for id in missing.take(MOST).collect::<Vec<_>>() {
            tracing::warn!(purchase = id, "no log told of this purchase: it is read back");
            match find_purchase(chain, store, id, tip).await? {
                Some(facts) => found.push(facts),
                None => {
                    self.settled.insert(id);
                }
            }
        }
        metrics::counter!("nexus_keeper_purchases_missed_total").increment(found.len() as u64);
        Ok(store.add_missed(found).await?)
    }

    /// The number of the first purchase after `chain.start_block`.
    async fn first_served(
        &mut self,
        chain: &Chain,
        store: &Store,
        count: u64,
    ) -> Result<u64, ChainError> {
        if let Some(first) = self.first {
            return Ok(first);
        }
        let first = match chain.config.start_block.checked_sub(1) {
            None => 1,
            Some(before) => {
                let registry = chain.registry();
                match registry.purchaseCount().block(BlockId::number(before)).call().await {
                    Ok(count) => count + 1,
                    // The registry was not there yet.
                    Err(CallError::ZeroData(..)) => 1,
                    Err(CallError::TransportError(error)) if error.is_error_resp() => {
                        // The node has no state of old: the first job seen has to do.
                        tracing::debug!(%error, before, "no count of purchases at the start");
                        self.first = store.job_numbers().await?.map(|(lowest, _)| lowest);
                        return Ok(self.first.unwrap_or(count + 1));
                    }
                    Err(error) => return Err(ChainError::rpc("counting the purchases", &error)),
                }
            }
        };
        self.first = Some(first);
        Ok(first)
    }
}

/// Finds a purchase by its own log, or by the registry's storage if the node keeps that log back:
/// then its block is the one it was read at. `None` if it is closed and nobody needs it.
async fn find_purchase(
    chain: &Chain,
    store: &Store,
    id: u64,
    tip: BlockRef,
) -> Result<Option<BlockFacts>, ChainError> {
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
    let read = chain.registry().purchaseOf(id).block(at(&tip)).call().await;
    let read = read.doing("reading a purchase")?;
    if read.status != 1 {
        return Ok(None);
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

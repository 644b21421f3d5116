//! Following the chain for ever: blocks in, reorganisations out, node failures survived.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use domain::job::BlockRef;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::audit::Auditor;
use super::catch_up::{self, Width};
use super::client::{Chain, Described};
use super::decode;
use super::error::ChainError;
use super::head::{Head, HeadBoard};
use super::rewind::{self, Standstill};
use super::wake::{self, Wake};
use crate::backoff::Backoff;
use crate::health::{HealthBoard, Part};
use crate::store::{BlockFacts, Fact, Store};

/// Blocks taken in with one transaction, when many are there at once.
const BATCH: u64 = 64;
/// Requests under way at once while blocks are fetched.
const CONCURRENCY: usize = 4;
/// Longest pause between two looks while the node's answers do not fit together.
const SOON: Duration = Duration::from_secs(1);
/// How long they may do so before that is a fault to report.
const UNFIT: Duration = Duration::from_secs(30);

/// Watches until told to stop. Whatever fails, it goes on from the stored cursor, so no
/// block is ever skipped.
pub async fn watch(
    chain: Chain,
    store: Store,
    heads: HeadBoard,
    health: HealthBoard,
    stop: CancellationToken,
) {
    let (wake, told) = Wake::new(chain.config.poll_interval());
    let listening = wake::listen(chain.config.rpc_url.clone(), told);
    let watcher = Watcher {
        chain,
        store,
        heads,
        health,
        wake,
        width: Width::default(),
        standstill: Standstill::default(),
        auditor: Auditor::default(),
        fitted: Instant::now(),
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watcher.watch() => {}
        // It ends early only if there is nobody to listen to.
        () = async { listening.await; std::future::pending().await } => {}
    }
}

struct Watcher {
    chain: Chain,
    store: Store,
    heads: HeadBoard,
    health: HealthBoard,
    wake: Wake,
    width: Width,
    standstill: Standstill,
    auditor: Auditor,
    /// When the node's answers last fitted together.
    fitted: Instant,
}

impl Watcher {
    async fn watch(mut self) {
        let interval = self.chain.config.poll_interval();
        let mut backoff = Backoff::new(interval, Duration::from_secs(10));
        let mut soon = Backoff::new(interval, SOON);
        loop {
            let begun = Instant::now();
            let Err(error) = self.follow().await;
            if self.fitted > begun {
                backoff.reset();
                soon.reset();
            }
            let pause = match &error {
                ChainError::Moved(_) | ChainError::Doubtful(_) => {
                    tracing::info!(%error, "looking again");
                    if self.fitted.elapsed() > UNFIT {
                        self.health.fails(Part::Chain, &error);
                    }
                    soon.pause()
                }
                ChainError::Store(fault) => {
                    self.health.fails(Part::Store, fault);
                    backoff.pause()
                }
                _ => {
                    self.health.fails(Part::Chain, &error);
                    backoff.pause()
                }
            };
            metrics::counter!("nexus_keeper_chain_errors_total").increment(1);
            tokio::time::sleep(pause).await;
        }
    }

    /// Follows the chain from the cursor until something fails.
    async fn follow(&mut self) -> Result<Infallible, ChainError> {
        let anchor = rewind::to_canonical(&self.chain, &self.store, &mut self.standstill).await?;
        self.auditor.forget_above(anchor);
        let next = self.after(anchor);
        let caught = catch_up::catch_up(&self.chain, &self.store, next, &mut self.width).await?;
        if caught.is_some() {
            self.auditor.hurry();
        }
        let mut tip = caught.or(anchor);
        self.announce_tip(tip).await?;
        loop {
            let newest = self.chain.newest().await?;
            let more = self.advance(&mut tip, newest).await?;
            self.fitted = Instant::now();
            self.health.works(Part::Chain);
            if more {
                continue;
            }
            if let Some(tip) = tip {
                self.auditor.audit_if_due(&self.chain, &self.store, tip).await;
            }
            self.wake.next_look().await;
        }
    }

    fn after(&self, tip: Option<BlockRef>) -> u64 {
        tip.map_or(self.chain.config.start_block, |block| block.number + 1)
    }

    /// Takes in blocks between the tip and the newest one; whether there are more.
    async fn advance(
        &mut self,
        tip: &mut Option<BlockRef>,
        newest: Described,
    ) -> Result<bool, ChainError> {
        let (next, end) = (self.after(*tip), newest.head.block.number);
        if tip.is_some_and(|tip| tip == newest.head.block) {
            return Ok(false);
        }
        if end < next {
            // Only a new store may wait for its first block.
            return if tip.is_some() { Err(moved(newest.head.block)) } else { Ok(false) };
        }
        self.wake.found();
        let last = end.min(next + BATCH - 1);
        let (mut added, mut head, mut ended) = (Vec::new(), None, Ok(last < end));
        let chain = self.chain.clone();
        let wanted = (next..=last).map(move |number| {
            let known = (number == end).then(|| newest.clone());
            fetch(chain.clone(), number, known)
        });
        let mut blocks = futures::stream::iter(wanted).buffered(CONCURRENCY);
        while let Some(block) = blocks.next().await {
            match block {
                Ok((block, facts)) if tip.is_none_or(|tip| tip.hash == block.parent) => {
                    *tip = Some(block.block);
                    head = Some(block);
                    added.push(facts);
                }
                Ok((block, _)) => ended = Err(moved(block.block)),
                Err(error) => ended = Err(error),
            }
            if ended.is_err() {
                break;
            }
        }
        self.store_blocks(added, head).await?;
        ended
    }

    async fn store_blocks(
        &mut self,
        added: Vec<BlockFacts>,
        head: Option<Head>,
    ) -> Result<(), ChainError> {
        let Some(head) = head else { return Ok(()) };
        let keep = self.chain.config.max_reorg_depth.saturating_mul(2);
        let count = added.len() as u64;
        for fact in added.iter().flat_map(|block| &block.facts) {
            if let Fact::Purchased(purchase, _) = fact {
                self.auditor.note_purchase(purchase.id.0);
            }
        }
        self.store.add_blocks(added, keep).await?;
        self.health.works(Part::Store);
        metrics::counter!("nexus_keeper_blocks_total").increment(count);
        self.announce(head);
        Ok(())
    }

    /// After a start the head is known before the next block comes.
    async fn announce_tip(&self, tip: Option<BlockRef>) -> Result<(), ChainError> {
        let Some(tip) = tip else { return Ok(()) };
        let head = self.chain.described(tip.number).await?.head;
        if head.block != tip {
            return Err(moved(tip));
        }
        self.announce(head);
        Ok(())
    }

    fn announce(&self, head: Head) {
        self.health.at(head.block.number, head.block.number);
        self.heads.send_replace(Some(head));
    }
}

/// Fetches a block and what the registry says in it.
async fn fetch(
    chain: Chain,
    number: u64,
    known: Option<Described>,
) -> Result<(Head, BlockFacts), ChainError> {
    let described = match known {
        Some(described) => described,
        None => chain.described(number).await?,
    };
    let logs = chain.logs_of(&described).await?;
    let block = described.head.block;
    let facts = logs.iter().filter_map(|log| decode::fact(log, block, chain.account)).collect();
    Ok((described.head, BlockFacts { block, facts }))
}

fn moved(block: BlockRef) -> ChainError {
    ChainError::Moved(format!("block {} ({}) is not on top of the tip", block.number, block.hash))
}

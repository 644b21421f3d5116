//! Following the chain for ever: blocks in, reorganisations out, node failures survived.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::providers::{BlockLogs, CanonicalEvent, Provider};
use alloy::transports::TransportResult;
use domain::job::BlockRef;
use futures::StreamExt;
use futures::stream::{FusedStream, Stream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::client::Chain;
use super::decode;
use super::error::{ChainError, Doing};
use super::head::{Head, HeadBoard};
use super::rewind;
use crate::backoff::Backoff;
use crate::health::{HealthBoard, Part};
use crate::store::{BlockFacts, Store};

/// Blocks taken in with one transaction, when many are there at once.
const BATCH: usize = 64;
/// Requests under way at once while blocks are fetched.
const CONCURRENCY: usize = 4;
/// Empty looks at the chain after which the tip itself is compared.
const IDLE_POLLS: u32 = 4;

/// Watches until told to stop. Whatever fails, it goes on from the stored cursor, so no
/// block is ever skipped.
pub async fn watch(
    chain: Chain,
    store: Store,
    heads: HeadBoard,
    health: HealthBoard,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(chain.config.poll_interval(), Duration::from_secs(10));
    let mut watcher = Watcher { chain, store, heads, health };
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return,
            error = watcher.follow(&mut backoff) => error,
        };
        match &error {
            ChainError::Moved(_) => tracing::info!(%error, "looking again"),
            ChainError::Store(fault) => watcher.health.fails(Part::Store, fault),
            _ => watcher.health.fails(Part::Chain, &error),
        }
        metrics::counter!("nexus_keeper_chain_errors_total").increment(1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

struct Watcher {
    chain: Chain,
    store: Store,
    heads: HeadBoard,
    health: HealthBoard,
}

impl Watcher {
    /// Follows the chain from the cursor until something fails.
    async fn follow(&mut self, backoff: &mut Backoff) -> ChainError {
        match self.try_follow(backoff).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_follow(
        &mut self,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, ChainError> {
        let anchor = rewind::to_canonical(&self.chain, &self.store).await?;
        let next = anchor.map_or(self.chain.config.start_block, |block| block.number + 1);
        let caught = rewind::catch_up(&self.chain, &self.store, next).await?;
        let mut tip = caught.or(anchor);
        self.announce_tip(tip).await?;
        let next = tip.map_or(self.chain.config.start_block, |block| block.number + 1);

        let interval = self.chain.config.poll_interval();
        let depth = usize::try_from(self.chain.config.max_reorg_depth).unwrap_or(usize::MAX);
        let stream = self
            .chain
            .provider
            .watch_canonical_logs_from(next, &rewind::filter(&self.chain))
            .block_tag(BlockNumberOrTag::Latest)
            .poll_interval(interval)
            .rpc_concurrency(CONCURRENCY)
            .max_reorg_depth(depth)
            .into_stream();
        let mut stream = std::pin::pin!(stream.fuse());
        loop {
            match timeout(interval * IDLE_POLLS, gather(&mut stream)).await {
                Ok(events) => tip = self.take(events, tip).await?,
                Err(_idle) => self.compare(tip).await?,
            }
            backoff.reset();
            self.health.works(Part::Chain);
        }
    }

    /// Takes in a row of events; gives the new tip.
    async fn take(
        &self,
        events: Vec<TransportResult<CanonicalEvent<BlockLogs<Ethereum>>>>,
        mut tip: Option<BlockRef>,
    ) -> Result<Option<BlockRef>, ChainError> {
        let (mut added, mut head) = (Vec::new(), None);
        for event in events {
            match event.doing("following the chain")? {
                CanonicalEvent::Added(batch) => {
                    let now = Head::of(&batch.block.header);
                    if tip.is_some_and(|tip| tip.hash != now.parent) {
                        self.store_blocks(added, head).await?;
                        return Err(moved(now.block));
                    }
                    tip = Some(now.block);
                    head = Some(now);
                    added.push(self.facts(&batch, now.block));
                }
                // The stored blocks know better than the stream what to take back.
                CanonicalEvent::Removed(batch) => {
                    self.store_blocks(added, head).await?;
                    return Err(moved(Head::of(&batch.block.header).block));
                }
            }
        }
        self.store_blocks(added, head).await?;
        Ok(tip)
    }

    fn facts(&self, batch: &BlockLogs<Ethereum>, block: BlockRef) -> BlockFacts {
        let account = self.chain.account;
        let facts = batch.logs.iter().filter_map(|log| decode::fact(log, block, account));
        BlockFacts { block, facts: facts.collect() }
    }

    async fn store_blocks(
        &self,
        added: Vec<BlockFacts>,
        head: Option<Head>,
    ) -> Result<(), ChainError> {
        let Some(head) = head else { return Ok(()) };
        let keep = self.chain.config.max_reorg_depth.saturating_mul(2);
        let count = added.len() as u64;
        self.store.add_blocks(added, keep).await?;
        self.health.works(Part::Store);
        metrics::counter!("nexus_keeper_blocks_total").increment(count);
        self.announce(head);
        Ok(())
    }

    /// A quiet chain may have been reorganised without growing: is the tip still there?
    async fn compare(&self, tip: Option<BlockRef>) -> Result<(), ChainError> {
        match tip {
            Some(tip) if !self.chain.is_canonical(tip).await? => Err(moved(tip)),
            _ => Ok(()),
        }
    }

    /// After a start the head is known before the next block comes.
    async fn announce_tip(&self, tip: Option<BlockRef>) -> Result<(), ChainError> {
        let Some(tip) = tip else { return Ok(()) };
        let block = self.chain.provider.get_block_by_number(tip.number.into()).await;
        let block = block.doing("asking for a block")?;
        match block.map(|block| Head::of(&block.header)) {
            Some(head) if head.block == tip => {
                self.announce(head);
                Ok(())
            }
            _ => Err(moved(tip)),
        }
    }

    fn announce(&self, head: Head) {
        self.health.at(head.block.number, head.block.number);
        self.heads.send_replace(Some(head));
    }
}

fn moved(block: BlockRef) -> ChainError {
    ChainError::Moved(format!("block {} ({}) is not on top of the tip", block.number, block.hash))
}

/// Waits for one event and adds what is there already.
async fn gather<S: Stream + FusedStream + Unpin>(stream: &mut S) -> Vec<S::Item> {
    let Some(first) = stream.next().await else { return std::future::pending().await };
    let mut events = vec![first];
    while events.len() < BATCH {
        match futures::poll!(stream.next()) {
            std::task::Poll::Ready(Some(event)) => events.push(event),
            _ => break,
        }
    }
    events
}

//! Finding the place to go on from: after a restart, a lost connection or a reorganisation.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use domain::job::BlockRef;

use super::client::Chain;
use super::decode;
use super::error::{ChainError, Doing};
use crate::store::{BlockFacts, Store};

/// Blocks in one range query while catching up.
const RANGE: u64 = 2_000;

/// Takes back every stored block that left the chain. Gives the newest one that is still in
/// it, or `None` when there is none to go on from.
pub(super) async fn to_canonical(
    chain: &Chain,
    store: &Store,
) -> Result<Option<BlockRef>, ChainError> {
    let stored = store.blocks().await?;
    refuse_laggard(chain, &stored).await?;
    let mut gone = Vec::new();
    let mut anchor = None;
    for block in &stored {
        if chain.is_canonical(*block).await? {
            anchor = Some(*block);
            break;
        }
        gone.push(*block);
    }
    let depth = usize::try_from(chain.config.max_reorg_depth).unwrap_or(usize::MAX);
    if gone.len() > depth || (anchor.is_none() && gone.len() == depth) {
        return Err(ChainError::DeepReorg { depth: gone.len() });
    }
    for block in gone {
        tracing::warn!(number = block.number, hash = %block.hash, "block left the chain");
        metrics::counter!("nexus_keeper_reorged_blocks_total").increment(1);
        store.remove_block(block).await?;
    }
    Ok(anchor)
}

/// A node that is merely behind is not a reorganisation: wait until it has caught up.
async fn refuse_laggard(chain: &Chain, stored: &[BlockRef]) -> Result<(), ChainError> {
    let Some(tip) = stored.first() else { return Ok(()) };
    let head = chain.latest().await?.block;
    if head.number < tip.number && stored.contains(&head) {
        let (behind, at) = (tip.number - head.number, head.number);
        return Err(ChainError::Moved(format!("the node is {behind} blocks behind, at {at}")));
    }
    Ok(())
}

/// Takes in old blocks in ranges, up to where a reorganisation may still happen; gives the
/// newest one taken in.
pub(super) async fn catch_up(
    chain: &Chain,
    store: &Store,
    mut next: u64,
) -> Result<Option<BlockRef>, ChainError> {
    let depth = chain.config.max_reorg_depth;
    let head = chain.latest().await?.block.number;
    let target = head.saturating_sub(depth);
    let mut taken = None;
    while next.saturating_add(depth) < target {
        let end = target.min(next + RANGE - 1);
        let blocks = range(chain, next, end).await?;
        taken = blocks.last().map(|block| block.block);
        store.add_blocks(blocks, depth.saturating_mul(2)).await?;
        tracing::info!(from = next, to = end, head, "caught up");
        next = end + 1;
    }
    Ok(taken)
}

/// The blocks of a range that say something, and its last one.
async fn range(chain: &Chain, from: u64, to: u64) -> Result<Vec<BlockFacts>, ChainError> {
    let filter = filter(chain).from_block(from).to_block(to);
    let logs = chain.provider.get_logs(&filter).await.doing("asking for logs")?;
    let end = chain.provider.get_block_by_number(BlockNumberOrTag::Number(to)).await;
    let end = end
        .doing("asking for a block")?
        .ok_or_else(|| ChainError::Moved(format!("block {to} is not there any more")))?;
    let mut blocks: Vec<BlockFacts> = Vec::new();
    for log in &logs {
        let (Some(number), Some(hash)) = (log.block_number, log.block_hash) else { continue };
        let block = BlockRef { number, hash };
        let Some(fact) = decode::fact(log, block, chain.account) else { continue };
        match blocks.last_mut() {
            Some(last) if last.block == block => last.facts.push(fact),
            _ => blocks.push(BlockFacts { block, facts: vec![fact] }),
        }
    }
    let end = BlockRef { number: to, hash: end.header.hash };
    if blocks.last().is_none_or(|last| last.block != end) {
        blocks.push(BlockFacts { block: end, facts: Vec::new() });
    }
    Ok(blocks)
}

/// Every log of the registry.
pub(super) fn filter(chain: &Chain) -> Filter {
    Filter::new().address(chain.config.registry)
}

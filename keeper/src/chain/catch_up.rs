//! Taking in old blocks in ranges, up to where a reorganisation may still happen.

use domain::job::BlockRef;

use super::client::Chain;
use super::decode;
use super::error::ChainError;
use super::logs::Refused;
use crate::store::{BlockFacts, Store};

/// Most blocks in one question.
const RANGE: u64 = 2_000;

/// Blocks in one question: as many as the node answers for.
#[derive(Debug)]
pub(super) struct Width(u64);

impl Default for Width {
    fn default() -> Self {
        Self(RANGE)
    }
}

impl Width {
    /// Notes that the node answered: a little more may go, too.
    fn widen(&mut self) {
        self.0 = RANGE.min(self.0 + self.0 / 8 + 1);
    }

    /// Notes that the node refused that many.
    fn narrow(&mut self, refused: u64) {
        self.0 = refused.div_ceil(2);
    }
}

/// Takes in old blocks; gives the newest one taken in. Purchases that the node left out of its
/// answers show by their numbers: see [`super::audit`].
pub(super) async fn catch_up(
    chain: &Chain,
    store: &Store,
    mut next: u64,
    width: &mut Width,
) -> Result<Option<BlockRef>, ChainError> {
    let depth = chain.config.max_reorg_depth;
    let head = chain.latest().await?.block.number;
    let target = head.saturating_sub(depth);
    let mut taken = None;
    while next.saturating_add(depth) < target {
        let end = target.min(next + width.0 - 1);
        let blocks = match range(chain, next, end).await {
            Ok(blocks) => blocks,
            Err(Refused::TooMuch) => {
                width.narrow(end - next + 1);
                continue;
            }
            Err(Refused::Failed(error)) => return Err(error),
        };
        width.widen();
        taken = blocks.last().map(|block| block.block);
        store.add_blocks(blocks, depth.saturating_mul(2)).await?;
        tracing::info!(from = next, to = end, head, "caught up");
        next = end + 1;
    }
    Ok(taken)
}

/// The blocks of a range that say something, and its last one.
async fn range(chain: &Chain, from: u64, to: u64) -> Result<Vec<BlockFacts>, Refused> {
    let logs = chain.logs_between(&chain.filter(), from, to).await?;
    let end = chain.described(to).await?.head.block;
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
    match blocks.last() {
        Some(last) if last.block == end => {}
        Some(last) if last.block.number == to => {
            return Err(ChainError::Doubtful(format!("block {to} has two hashes")).into());
        }
        _ => blocks.push(BlockFacts { block: end, facts: Vec::new() }),
    }
    Ok(blocks)
}

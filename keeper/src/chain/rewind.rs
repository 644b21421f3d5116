//! Finding the place to go on from: after a restart, a lost connection or a reorganisation.

use std::time::{Duration, Instant};

use domain::job::BlockRef;

use super::client::Chain;
use super::error::ChainError;
use crate::store::Store;

/// How long a node may stand still below the newest block taken in before the chain itself is
/// taken to be shorter, as after `evm_revert`.
const STANDSTILL: Duration = Duration::from_secs(20);
/// Pause before a reorganisation is looked at a second time: one answer may come from a node
/// that is on a fork of its own.
const SECOND_LOOK: Duration = Duration::from_millis(200);

/// Since when a node has stood still below the newest block taken in.
#[derive(Debug, Default)]
pub(super) struct Standstill(Option<(BlockRef, Instant)>);

impl Standstill {
    /// Whether it has been there for long. Only a chain that became shorter stays there; a node
    /// that is behind goes on.
    fn lasts(&mut self, head: BlockRef) -> bool {
        match self.0 {
            Some((block, since)) if block == head => since.elapsed() >= STANDSTILL,
            _ => {
                self.0 = Some((head, Instant::now()));
                false
            }
        }
    }
}

/// Where stored blocks and the node's chain part.
#[derive(Debug, PartialEq, Eq)]
struct Fork {
    /// Stored blocks above the fork, for how many of them there are.
    gone: usize,
    /// Whether the node has another block in the place of one of them.
    denied: bool,
    /// The node's newest block.
    head: BlockRef,
}

/// Takes back every stored block that left the chain. Gives the newest one that is still in
/// it, or `None` when there is none to go on from.
pub(super) async fn to_canonical(
    chain: &Chain,
    store: &Store,
    standstill: &mut Standstill,
) -> Result<Option<BlockRef>, ChainError> {
    let stored = store.blocks().await?;
    let fork = find_fork(chain, &stored).await?;
    if fork.gone == 0 {
        *standstill = Standstill::default();
        return Ok(stored.first().copied());
    }
    if !fork.denied && !standstill.lasts(fork.head) {
        let at = fork.head.number;
        return Err(ChainError::Moved(format!("the node is behind, at block {at}")));
    }
    let gone = &stored[..fork.gone];
    let anchor = stored.get(fork.gone).copied();
    let depth = usize::try_from(chain.config.max_reorg_depth).unwrap_or(usize::MAX);
    if gone.len() > depth || (anchor.is_none() && gone.len() == depth) {
        return Err(ChainError::DeepReorg { depth: gone.len() });
    }
    tokio::time::sleep(SECOND_LOOK).await;
    if find_fork(chain, &stored).await?.gone != fork.gone {
        return Err(ChainError::Doubtful("a reorganisation was seen once and not again".into()));
    }
    if let (Some(newest), Some(oldest)) = (gone.first(), gone.last()) {
        let (from, to) = (oldest.number, newest.number);
        tracing::warn!(from, to, blocks = gone.len(), "blocks left the chain");
    }
    metrics::counter!("nexus_keeper_reorged_blocks_total").increment(gone.len() as u64);
    store.remove_blocks(gone.to_vec()).await?;
    *standstill = Standstill::default();
    Ok(anchor)
}

/// Finds the newest of the stored blocks, which come newest first, that the node's chain holds.
///
/// A chain that holds a block holds all before it: so the steps grow, then halve, and ten
/// thousand blocks take some twenty questions.
async fn find_fork(chain: &Chain, stored: &[BlockRef]) -> Result<Fork, ChainError> {
    let head = chain.latest().await?.block;
    let unreached = stored.partition_point(|block| block.number > head.number);
    let (mut gone, mut held) = (unreached, stored.len());
    let (mut step, mut growing) = (1, true);
    while gone < held {
        let probe = match growing {
            true => held.min(gone + step) - 1,
            false => gone + (held - gone) / 2,
        };
        if holds(chain, stored[probe], head).await? {
            (held, growing) = (probe, false);
        } else {
            gone = probe + 1;
            step *= 2;
        }
    }
    Ok(Fork { gone, denied: gone > unreached, head })
}

/// Whether the node's chain holds a block at a height that it has.
async fn holds(chain: &Chain, block: BlockRef, head: BlockRef) -> Result<bool, ChainError> {
    match chain.block_hash(block.number).await? {
        Some(hash) => Ok(hash == block.hash),
        None => {
            let (number, head) = (block.number, head.number);
            let text = format!("the node is at block {head}, but has no block {number}");
            Err(ChainError::Doubtful(text))
        }
    }
}

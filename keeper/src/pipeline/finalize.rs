//! Last phase: the settlement deep enough in the chain, looked at once more.

use domain::job::{Event, State};

use super::confirm::wrong_state;
use super::context::Context;
use super::trouble::Trouble;
use crate::chain::Shown;
use crate::store::{Commit, JobRow};

/// Waits for the configured depth, then asks the registry a last time.
pub(super) async fn finalize(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Settled(closed) = &row.state else { return Err(wrong_state(row)) };
    let block = closed.settlement.block;
    let deep = block.number.saturating_add(context.config.chain.finality_blocks);
    let head = context.heads.when(|head| head.block.number >= deep).await.block;
    let _turn = context.turn().await;
    if !context.chain.is_canonical(block).await? {
        // The watcher takes back only blocks that it took in; this one it may never have seen.
        return Ok(Commit::new(row, Event::SettlementRemoved));
    }
    match context.chain.shown(&closed.past.purchase, head).await? {
        Shown::Settled => Ok(Commit::new(row, Event::Finalized)),
        other => Err(Trouble::Wait(format!("the registry shows {other:?}, not a settlement"))),
    }
}

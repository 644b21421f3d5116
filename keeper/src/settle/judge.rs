//! What became of a mined bundle, operation by operation.

use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use domain::job::{BlockRef, Event, State};
use futures::{StreamExt, TryStreamExt, stream};

use super::assemble::log_moved;
use crate::chain::{Doing, OpResult, Standing};
use crate::pipeline::{Context, Trouble};
use crate::store::{BundleStatus, BundleTx, Commit, JobRow, MinedBundle, StoredBundle};

/// Questions about one bundle's jobs that are under way at once.
const LOOKS: usize = 8;

/// Judges a bundle if one of `txs`, which are its own, is mined.
pub(super) async fn judge_if_mined(
    context: &Context,
    bundle: &StoredBundle,
    txs: &[BundleTx],
) -> Result<bool, Trouble> {
    for tx in txs.iter().rev() {
        let Some((receipt, block)) = context.chain.mined(tx.hash).await? else { continue };
        if receipt.transaction_hash != tx.hash {
            return Err(Trouble::Wait(format!(
                "the node gave the receipt of {} for {}",
                receipt.transaction_hash, tx.hash
            )));
        }
        judge(context, bundle, &receipt, block).await?;
        return Ok(true);
    }
    Ok(false)
}

/// Success only if both the EntryPoint's event and the registry say so.
async fn judge(
    context: &Context,
    bundle: &StoredBundle,
    receipt: &TransactionReceipt,
    block: BlockRef,
) -> Result<(), Trouble> {
    metrics::counter!("nexus_keeper_bundles_mined_total").increment(1);
    let rows = context.store.travellers(bundle.id).await?;
    let verdicts: Vec<_> = rows.iter().map(|row| weigh(context, row, receipt, block)).collect();
    let verdicts: Vec<_> = stream::iter(verdicts).buffered(LOOKS).try_collect().await?;
    let verdicts = verdicts.into_iter().flatten().collect();
    let status = BundleStatus::Mined(block);
    let moved = context.store.judge_bundle(bundle.id, status, verdicts).await?;
    tracing::info!(bundle = bundle.id, nonce = bundle.nonce, block = block.number, "bundle mined");
    log_moved(&moved);
    Ok(())
}

async fn weigh(
    context: &Context,
    row: &JobRow,
    receipt: &TransactionReceipt,
    block: BlockRef,
) -> Result<Option<Commit>, Trouble> {
    let State::Sent(sent) = &row.state else { return Ok(None) };
    let result = context.chain.op_result(receipt, sent.signed.op_hash);
    let standing = standing(context, row, receipt, block).await?;
    Ok(Some(Commit::new(row, verdict(result, standing))))
}

/// How the purchase stood after the bundle. A node that keeps no state of so long ago tells how it
/// stands now: what a mined operation did to its purchase, nothing but a reorganisation undoes.
async fn standing(
    context: &Context,
    row: &JobRow,
    receipt: &TransactionReceipt,
    block: BlockRef,
) -> Result<Standing, Trouble> {
    let (chain, purchase) = (&context.chain, row.state.purchase());
    let error = match chain.standing_after(receipt, purchase, block).await {
        Ok(standing) => return Ok(standing),
        Err(error) => error,
    };
    let head = chain.latest().await?.block;
    if head.number < block.number || !chain.is_canonical(block).await? {
        return Err(error.into());
    }
    tracing::debug!(job = row.id, %error, head = head.number, "judged as of the newest block");
    Ok(chain.standing(purchase, head).await?)
}

fn verdict(result: OpResult, standing: Standing) -> Event {
    match (result, standing) {
        (_, Standing::Settled(found)) => Event::Settled(*found),
        (_, Standing::Refunded) => Event::Refunded,
        (OpResult::Failed, _) => Event::Reverted,
        (OpResult::Absent, _) => Event::Dropped,
        // The call came through but the registry does not show it: never success.
        (OpResult::Succeeded, other) => {
            Event::Stuck(format!("the operation succeeded, yet the registry shows {other:?}"))
        }
    }
}

/// The nonce is used, but by no transaction of this bundle: its operations need another. False if
/// the node still has one of its transactions in its pool, which contradicts it.
pub(super) async fn give_up_nonce(
    context: &Context,
    bundle: &StoredBundle,
) -> Result<bool, Trouble> {
    for tx in &bundle.txs {
        let known = context.chain.provider.get_transaction_by_hash(tx.hash).await;
        if known.doing("asking for a bundle's transaction")?.is_some() {
            tracing::debug!(bundle = bundle.id, tx = %tx.hash, "the node still knows it");
            return Ok(false);
        }
    }
    let nonce = bundle.nonce;
    tracing::warn!(bundle = bundle.id, nonce, "the nonce was used by another transaction");
    let rows = context.store.travellers(bundle.id).await?;
    let moves = rows.iter().map(|row| Commit::new(row, Event::Dropped)).collect();
    log_moved(&context.store.judge_bundle(bundle.id, BundleStatus::Closed, moves).await?);
    Ok(true)
}

/// Closes mined bundles that are deep enough in the chain; opens those whose block left it.
///
/// The watcher takes back blocks that it took in. Those of some bundles it may never have seen.
pub(super) async fn tend_mined(context: &Context, mined: &[MinedBundle]) -> Result<(), Trouble> {
    let Some(head) = *context.heads.0.borrow() else { return Ok(()) };
    if mined.is_empty() {
        return Ok(());
    }
    let taken_in = context.store.blocks().await?;
    let finality = context.config.chain.finality_blocks;
    for bundle in mined {
        let is_deep = head.block.number >= bundle.block.number.saturating_add(finality);
        if !is_deep && taken_in.contains(&bundle.block) {
            continue;
        }
        if !context.chain.is_canonical(bundle.block).await? {
            reopen(context, bundle).await?;
        } else if is_deep {
            context.store.set_bundle_status(bundle.id, BundleStatus::Closed).await?;
        }
    }
    Ok(())
}

/// Opens mined bundles from `nonce` on whose block is not in the chain any more; gives whether
/// there were any.
pub(super) async fn reopen_removed(
    context: &Context,
    mined: &[MinedBundle],
    nonce: u64,
) -> Result<bool, Trouble> {
    let mut reopened = false;
    for bundle in mined.iter().filter(|bundle| bundle.nonce >= nonce) {
        if !context.chain.is_canonical(bundle.block).await? {
            reopen(context, bundle).await?;
            reopened = true;
        }
    }
    Ok(reopened)
}

async fn reopen(context: &Context, bundle: &MinedBundle) -> Result<(), Trouble> {
    let block = bundle.block.number;
    tracing::warn!(bundle = bundle.id, nonce = bundle.nonce, block, "the bundle left the chain");
    Ok(context.store.reopen_bundle(*bundle).await?)
}

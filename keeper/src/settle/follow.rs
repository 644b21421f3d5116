//! Phase 8: a stored bundle sent until its nonce is used, then judged operation by operation.

use std::time::{Duration, Instant};

use alloy::eips::BlockId;
use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use domain::job::{BlockRef, Event, Kind, State};

use super::assemble::move_job;
use super::sign;
use crate::chain::{ChainError, OpResult, Standing};
use crate::pipeline::{Context, Trouble};
use crate::store::{BundleStatus, BundleTx, JobRow, StoredBundle, now_millis};

/// Pause between two times of handing the same transaction to the node.
const RESEND: Duration = Duration::from_secs(5);

/// What became of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is with the node.
    Pending,
    /// Its nonce has just been used.
    Done,
    /// Its nonce was used before; only its depth matters now.
    Old,
}

/// Looks after one bundle, which was last handed to the node at `sent`.
pub(super) async fn follow(
    context: &Context,
    bundle: &StoredBundle,
    sent: &mut LastSent,
) -> Result<Progress, Trouble> {
    if let BundleStatus::Mined(block) = bundle.status {
        if stays(context, bundle, block).await? {
            return Ok(Progress::Old);
        }
        tracing::warn!(bundle = bundle.id, block = block.number, "the bundle left the chain");
    }
    if mined(context, bundle).await? {
        return Ok(Progress::Done);
    }
    if nonce_used(context, bundle).await? {
        return lost(context, bundle).await;
    }
    let tx = match bundle.txs.last() {
        None => sign::first(context, bundle).await?,
        Some(newest) if sent.is_due(newest.hash) && stalled(context, bundle) => {
            dearer(context, bundle, newest).await
        }
        Some(newest) => newest.clone(),
    };
    if !sent.is_due(tx.hash) {
        return Ok(Progress::Pending);
    }
    send(context, bundle, &tx).await?;
    sent.note(tx.hash);
    // Where blocks are made at once, it is there by now.
    let bundle = StoredBundle { txs: vec![tx], ..bundle.clone() };
    Ok(if mined(context, &bundle).await? { Progress::Done } else { Progress::Pending })
}

/// The same bundle for higher fees; the old one if that cannot be had, for that is signed.
async fn dearer(context: &Context, bundle: &StoredBundle, newest: &BundleTx) -> BundleTx {
    match sign::replacement(context, bundle, newest).await {
        Ok(Some(tx)) => tx,
        Ok(None) => newest.clone(),
        Err(trouble) => {
            tracing::warn!(bundle = bundle.id, %trouble, "stalls, and cannot be replaced now");
            newest.clone()
        }
    }
}

/// When which transaction was last handed to the node, so that it is not flooded.
#[derive(Debug, Default)]
pub(super) struct LastSent(Option<(B256, Instant)>);

impl LastSent {
    fn is_due(&self, tx: B256) -> bool {
        self.0.is_none_or(|(last, at)| last != tx || at.elapsed() >= RESEND)
    }

    fn note(&mut self, tx: B256) {
        self.0 = Some((tx, Instant::now()));
    }
}

/// Whether one of its transactions is mined; then its operations are judged.
async fn mined(context: &Context, bundle: &StoredBundle) -> Result<bool, Trouble> {
    for tx in bundle.txs.iter().rev() {
        if let Some((receipt, block)) = context.chain.mined(tx.hash).await? {
            judge(context, bundle, &receipt, block).await?;
            context.store.set_bundle_status(bundle.id, BundleStatus::Mined(block)).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every operation of a mined bundle: success only if both the EntryPoint's event and the
/// registry say so.
async fn judge(
    context: &Context,
    bundle: &StoredBundle,
    receipt: &TransactionReceipt,
    block: BlockRef,
) -> Result<(), Trouble> {
    metrics::counter!("nexus_keeper_bundles_mined_total").increment(1);
    for row in travellers(context, bundle).await? {
        let State::Sent(sent) = &row.state else { continue };
        let result = context.chain.op_result(receipt, sent.signed.op_hash);
        let standing = context.chain.standing(row.state.purchase(), block).await?;
        let event = match (result, standing) {
            (_, Standing::Settled(found)) => Event::Settled(*found),
            (_, Standing::Refunded) => Event::Refunded,
            (OpResult::Failed, _) => Event::Reverted,
            (OpResult::Absent, _) => Event::Dropped,
            (OpResult::Succeeded, other) => {
                // The call came through but the registry does not show it: never success.
                let text = format!("the operation succeeded, yet the registry shows {other:?}");
                Event::Stuck(text)
            }
        };
        move_job(context, &row, event).await?;
    }
    Ok(())
}

/// The jobs that still travel with that bundle.
async fn travellers(context: &Context, bundle: &StoredBundle) -> Result<Vec<JobRow>, Trouble> {
    let sent = context.store.jobs_in(Kind::Sent).await?;
    let here = |row: &JobRow| matches!(&row.state, State::Sent(sent) if sent.bundle == bundle.id);
    Ok(sent.into_iter().filter(here).collect())
}

/// Whether a mined bundle is still in the chain; deep enough there, it is closed.
///
/// The watcher reopens bundles of blocks that it took in and takes back. This one may have
/// been in a block that the watcher never saw.
async fn stays(context: &Context, bundle: &StoredBundle, block: BlockRef) -> Result<bool, Trouble> {
    if !context.chain.is_canonical(block).await? {
        context.store.set_bundle_status(bundle.id, BundleStatus::Open).await?;
        return Ok(false);
    }
    let head = context.heads.any().await.block.number;
    if head >= block.number.saturating_add(context.config.chain.finality_blocks) {
        context.store.set_bundle_status(bundle.id, BundleStatus::Closed).await?;
    }
    Ok(true)
}

async fn nonce_used(context: &Context, bundle: &StoredBundle) -> Result<bool, Trouble> {
    let used = context.chain.provider.get_transaction_count(context.bundler);
    let used = used
        .block_id(BlockId::latest())
        .await
        .map_err(|error| ChainError::rpc("asking for the bundler's nonce", &error))?;
    Ok(used > bundle.nonce)
}

/// The nonce is used, but by no transaction of this bundle: its operations need another.
async fn lost(context: &Context, bundle: &StoredBundle) -> Result<Progress, Trouble> {
    // Between the two looks one of ours may have been mined.
    for tx in &bundle.txs {
        if context.chain.mined(tx.hash).await?.is_some() {
            return Ok(Progress::Pending);
        }
    }
    tracing::warn!(
        bundle = bundle.id,
        nonce = bundle.nonce,
        "the nonce was used by another transaction"
    );
    for row in travellers(context, bundle).await? {
        move_job(context, &row, Event::Dropped).await?;
    }
    context.store.set_bundle_status(bundle.id, BundleStatus::Closed).await?;
    Ok(Progress::Done)
}

fn stalled(context: &Context, bundle: &StoredBundle) -> bool {
    let waited = now_millis().saturating_sub(bundle.signed_at);
    waited >= context.config.settle.stall_seconds.saturating_mul(1000)
}

/// Hands a transaction to the node; one that it has already is fine. Whether it is mined shows
/// at the next look.
async fn send(context: &Context, bundle: &StoredBundle, tx: &BundleTx) -> Result<(), Trouble> {
    let sent = context.chain.provider.send_raw_transaction(&tx.raw).await;
    match sent {
        Ok(_) => {
            tracing::debug!(bundle = bundle.id, tx = %tx.hash, "bundle sent");
            Ok(())
        }
        // That it has it already, or that the nonce is used, shows at the next look; whatever
        // else it says, the transaction is sent again later.
        Err(error) if error.is_error_resp() => {
            tracing::warn!(bundle = bundle.id, tx = %tx.hash, %error, "the node took no bundle");
            Ok(())
        }
        Err(error) => Err(ChainError::rpc("sending a bundle", &error).into()),
    }
}

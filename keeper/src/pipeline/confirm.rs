//! Phase 1: depth in the chain, and everything read back from it.

use alloy::primitives::aliases::U96;
use domain::ids::ImageDigest;
use domain::job::{BlockRef, Event, Past, Purchase, State, Terms, Work};
use domain::manifest::Manifest;

use super::context::Context;
use super::expiry;
use super::trouble::Trouble;
use crate::chain::{Listed, Standing};
use crate::store::{Commit, JobRow};
use crate::waits::{Wait, WaitOn};

/// Waits for the configured depth, then believes nothing but the registry's storage.
pub(super) async fn confirm(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Seen(past) = &row.state else { return Err(wrong_state(row)) };
    let purchase = &past.purchase;
    let deep = purchase.block.number.saturating_add(context.config.chain.confirmations);
    context.waits.note(row.id, row.version, wait_for_depth(context, deep));
    let head = context.heads.when(|head| head.block.number >= deep).await.block;
    let _turn = context.turn().await;
    if !context.chain.is_canonical(purchase.block).await? {
        return Err(Trouble::Wait(format!("block {} is being replaced", purchase.block.number)));
    }
    let event = match context.chain.standing(purchase, head).await? {
        Standing::Open { .. } => open(context, past, head).await?,
        Standing::Settled(settlement) => Event::Settled(*settlement),
        Standing::Refunded => Event::Refunded,
        Standing::Missing => {
            return Err(Trouble::Wait(format!("the registry does not know purchase {}", row.id)));
        }
        // A reorganisation that the watcher has not seen yet, or a node on another fork.
        Standing::Other if expiry::is_too_late(context, purchase, 0).await => Event::Expired,
        Standing::Other => {
            let text = "the registry holds another purchase under this number than its log said";
            return Err(Trouble::Wait(text.into()));
        }
    };
    Ok(Commit::new(row, event))
}

fn wait_for_depth(context: &Context, deep: u64) -> Wait {
    let confirmations = context.config.chain.confirmations;
    let reason = format!("block {deep}, which is {confirmations} on top of the purchase's");
    Wait::new(WaitOn::Confirmations, reason, "nothing: blocks come by themselves")
}

async fn open(context: &Context, past: &Past, head: BlockRef) -> Result<Event, Trouble> {
    // Work that is done is settled, however late: the buyer may still want it.
    if let Some(kept) = kept_work(context, past).await?
        && let Some(event) = take_up(context, past, head, kept).await?
    {
        return Ok(event);
    }
    if expiry::is_too_late(context, &past.purchase, 0).await {
        return Ok(Event::Expired);
    }
    let terms = terms(context, &past.purchase, head).await?;
    let least = context.config.settle.min_price;
    if terms.price < U96::from(least) {
        let text = format!("its price of {} wei is below settle.min_price, {least}", terms.price);
        return Err(Trouble::Hopeless(text));
    }
    Ok(Event::Confirmed(terms))
}

/// Finds work done for this very order: since it was bought, or before a reorganisation gave its
/// number to another order and then back.
async fn kept_work(context: &Context, past: &Past) -> Result<Option<Work>, Trouble> {
    if let Some(work) = past.resume() {
        return Ok(Some(work));
    }
    let purchase = &past.purchase;
    let former = context.store.former_work(purchase.id.0, purchase.order_hash()).await?;
    Ok(former.and_then(|work| past.take_up(work)))
}

/// Goes on with work that was done before, if the listing is still the one that it was done for;
/// `None` if the order is to be run anew.
///
/// A reorganisation can put another listing under the same agent and version. A receipt names
/// image and manifest, and the signer signs one receipt per order, ever: where one was signed for
/// the other listing, nothing that could be run now would ever be settled.
async fn take_up(
    context: &Context,
    past: &Past,
    head: BlockRef,
    work: Work,
) -> Result<Option<Event>, Trouble> {
    let done = work.finished().order.terms.clone();
    let listed = context.chain.listing(&past.purchase, head).await?;
    if !done.same_listing(&unpublished(&listed)) {
        if work.prepared().is_some() {
            let text = "the listing under this agent and version is another one since a \
                        reorganisation, and a receipt for this order was signed before: the \
                        signer vouches for an order once, so it is left to be refunded";
            return Err(Trouble::Hopeless(text.into()));
        }
        tracing::warn!(job = %past.purchase.id, "its listing is another one: it is run anew");
        return Ok(None);
    }
    Ok(Some(match work {
        Work::Prepared(kept) => Event::ReceiptKept(kept),
        Work::Finished(kept) if kept.run.outcome.is_ok() => Event::ResultKept(kept),
        Work::Finished(kept) => Event::FailureKept(kept),
    }))
}

/// The terms of a listing without its manifest, which its hash stands for.
fn unpublished(listed: &Listed) -> Terms {
    Terms {
        payee: listed.listing.payee,
        price: listed.listing.price,
        max_seconds: listed.listing.maxSeconds,
        image_digest: ImageDigest(listed.listing.imageDigest),
        manifest_hash: listed.manifest_hash,
        manifest: None,
    }
}

async fn terms(context: &Context, purchase: &Purchase, head: BlockRef) -> Result<Terms, Trouble> {
    let listed = context.chain.listing(purchase, head).await?;
    let bytes = match context.store.blob(listed.manifest_hash).await? {
        Some(bytes) => bytes,
        None => {
            let found = context.chain.published_manifest(purchase, listed.manifest_hash).await?;
            let bytes = found.ok_or_else(|| {
                // It may not have indexed it yet; once it is too late to run, the job expires.
                let hash = listed.manifest_hash;
                Trouble::Wait(format!(
                    "the node has no event with the manifest {hash}: use a node with all logs, \
                     and chain.start_block not after the listing"
                ))
            })?;
            context.store.put_blob(bytes.clone()).await?;
            bytes
        }
    };
    let manifest = Manifest::parse(&bytes)
        .inspect_err(|error| tracing::warn!(job = %purchase.id, %error, "manifest is invalid"))
        .ok();
    Ok(Terms { manifest, ..unpublished(&listed) })
}

/// A phase met a state that does not owe it: a fault of the keeper itself.
pub(super) fn wrong_state(row: &JobRow) -> Trouble {
    Trouble::Hopeless(format!("job {} is {} and does not owe this", row.id, row.state.kind()))
}

//! Phase 8: stored bundles handed to the node, in the order of their nonces, until they are mined.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use domain::job::Kind;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;

use super::assemble::note_all;
use super::fees::Tip;
use super::judge::judge_if_mined;
use super::{funds, sign};
use crate::chain::{ChainError, Doing};
use crate::pipeline::{Context, Trouble};
use crate::store::{BundleTx, Ledger, StoreError, StoredBundle, now_millis};
use crate::waits::{Wait, WaitOn};

/// Pause between two times of handing the same transaction to the node.
const RESEND: Duration = Duration::from_secs(5);

/// When which transaction was last handed to the node, so that it is not flooded.
#[derive(Debug, Default)]
pub(super) struct SentLog(Mutex<HashMap<B256, Instant>>);

impl SentLog {
    fn is_due(&self, tx: B256) -> bool {
        self.0.lock().get(&tx).is_none_or(|at| at.elapsed() >= RESEND)
    }

    fn note(&self, tx: B256) {
        self.0.lock().insert(tx, Instant::now());
    }

    /// Forgets the transactions of bundles that are open no longer.
    pub(super) fn keep_only(&self, ledger: &Ledger) {
        let mut log = self.0.lock();
        if !log.is_empty() {
            let newest = |tx: &B256| {
                ledger.open.iter().any(|bundle| bundle.txs.iter().any(|own| own.hash == *tx))
            };
            log.retain(|tx, _| newest(tx));
        }
    }
}

/// What became of an open bundle.
enum Handed {
    /// The node has this newest transaction of it, handed over just now.
    Now(Box<StoredBundle>),
    /// The node had it already, not long ago.
    Before,
    /// The store changed instead.
    Otherwise,
}

/// Hands every open bundle that is due to the node; gives whether anything moved.
pub(super) async fn deliver(
    context: &Context,
    ledger: &Ledger,
    tip: Tip,
    sent: &SentLog,
    most: &AtomicUsize,
) -> Result<bool, Trouble> {
    sent.keep_only(ledger);
    let mut moved = false;
    let mut judging = FuturesUnordered::new();
    for (place, bundle) in ledger.open.iter().enumerate() {
        // Those behind wait for the first: only that one may stall.
        let stalls = place == 0 && is_stalled(context, bundle);
        let handing = hand_over(context, bundle, tip, sent, (most, stalls));
        let mut handing = std::pin::pin!(handing);
        let handed = loop {
            // What was sent before is judged meanwhile.
            tokio::select! {
                handed = &mut handing => break handed?,
                Some(judged) = judging.next() => moved |= judged?,
            }
        };
        match handed {
            Handed::Now(bundle) => judging.push(judge_handed(context, *bundle)),
            Handed::Before => {}
            Handed::Otherwise => moved = true,
        }
    }
    while let Some(judged) = judging.next().await {
        moved |= judged?;
    }
    Ok(moved)
}

/// Where blocks are made at once, it is mined by now.
async fn judge_handed(context: &Context, bundle: StoredBundle) -> Result<bool, Trouble> {
    judge_if_mined(context, &bundle, &bundle.txs).await
}

async fn hand_over(
    context: &Context,
    bundle: &StoredBundle,
    tip: Tip,
    sent: &SentLog,
    (most, stalls): (&AtomicUsize, bool),
) -> Result<Handed, Trouble> {
    if bundle.txs.last().is_some_and(|newest| !sent.is_due(newest.hash)) {
        return Ok(Handed::Before);
    }
    let travellers = context.store.travellers(bundle.id).await?;
    if travellers.is_empty() {
        // Its operations travel otherwise by now, or never will.
        tracing::info!(bundle = bundle.id, nonce = bundle.nonce, "bundle shelved: it is empty");
        context.store.shelve_bundle(bundle.id).await?;
        return Ok(Handed::Otherwise);
    }
    let tx = match bundle.txs.last() {
        None => match sign::first_or_discard(context, bundle, most).await? {
            Some(tx) => tx,
            None => return Ok(Handed::Otherwise),
        },
        Some(newest) if stalls => dearer(context, bundle, newest).await,
        Some(newest) => newest.clone(),
    };
    let taken = send(context, bundle.id, &tx).await?;
    sent.note(tx.hash);
    let wait = why_it_waits(context, bundle, &tx, tip, taken).await?;
    note_all(context, &travellers, &wait);
    let bundle = StoredBundle { txs: vec![tx], ..bundle.clone() };
    Ok(Handed::Now(Box::new(bundle)))
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

fn is_stalled(context: &Context, bundle: &StoredBundle) -> bool {
    let waited = now_millis().saturating_sub(bundle.signed_at);
    waited >= context.config.settle.stall_seconds.saturating_mul(1000)
}

/// Hands a transaction to the node; one that it has already is fine. Whether it is mined shows
/// at the next look; whatever else the node says, the transaction is sent again later. Gives the
/// node's refusal, if it refused.
pub(super) async fn send(
    context: &Context,
    bundle: u64,
    tx: &BundleTx,
) -> Result<Option<String>, Trouble> {
    match context.chain.provider.send_raw_transaction(&tx.raw).await {
        Ok(_) => {
            tracing::debug!(bundle, tx = %tx.hash, "bundle sent");
            Ok(None)
        }
        Err(error) => match error.as_error_resp() {
            Some(answer) => {
                let reason = answer.message.to_string();
                tracing::warn!(bundle, tx = %tx.hash, reason, "the node took no bundle");
                Ok(Some(reason))
            }
            None => Err(ChainError::rpc("sending a bundle", &error).into()),
        },
    }
}

/// The wait of a bundle's jobs, judged by numbers, not by the node's words.
async fn why_it_waits(
    context: &Context,
    bundle: &StoredBundle,
    tx: &BundleTx,
    tip: Tip,
    refusal: Option<String>,
) -> Result<Wait, Trouble> {
    let fees = tx.fees;
    if fees.max_fee_per_gas < tip.base_fee {
        let (offered, costs) = (fees.max_fee_per_gas, tip.base_fee);
        let reason = format!("gas costs {costs} wei, bundle {} offers {offered}", bundle.id);
        let help = "nothing: it is replaced for more as far as settle.max_fee_per_gas and \
                    max_fee_per_gas of the signer's policy allow";
        return Ok(Wait::new(WaitOn::Fee, reason, help));
    }
    let Some(refusal) = refusal else {
        let reason = format!("bundle {} in transaction {} to be mined", bundle.id, tx.hash);
        return Ok(Wait::new(WaitOn::Inclusion, reason, "nothing: blocks come by themselves"));
    };
    let has = context.chain.provider.get_balance(context.bundler).await;
    let has: U256 = has.doing("asking for the bundler's balance")?;
    let needs = U256::from(fees.gas_limit).saturating_mul(U256::from(fees.max_fee_per_gas));
    if has < needs {
        return Ok(funds::bundler_lacks(context.bundler, has, needs));
    }
    let reason = format!("bundle {} to be mined; the node says: {refusal}", bundle.id);
    Ok(Wait::new(WaitOn::Inclusion, reason, "nothing: it is sent again"))
}

/// Notes that everybody who travels or waits to travel waits.
pub(super) async fn note_everybody(context: &Context, wait: &Wait) -> Result<(), StoreError> {
    for kind in [Kind::Signed, Kind::Sent] {
        for (job, version) in context.store.versions_in(kind).await? {
            context.waits.note(job, version, wait.clone());
        }
    }
    Ok(())
}

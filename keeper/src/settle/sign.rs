//! A bundle's transactions: the planned one, and those that replace it when it stalls.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::bundle::BundleTransaction;
use domain::job::Event;
use domain::wire::RefusalCode;

use super::assemble::note_all;
use super::fees::{self, Offer};
use crate::health::Part;
use crate::pipeline::{Context, Trouble};
use crate::signer_client::SignerError;
use crate::store::{BundleTx, Fees, StoredBundle};

/// The first transaction, as planned; if an earlier life had it signed for more, for more. `None`
/// when the signer will not sign that bundle: then it is gone, and its operations wait again.
pub(super) async fn first_or_discard(
    context: &Context,
    bundle: &StoredBundle,
    most: &AtomicUsize,
) -> Result<Option<BundleTx>, Trouble> {
    let error = match first(context, bundle).await {
        Ok(tx) => return Ok(Some(tx)),
        Err(Trouble::Signer(error)) => error,
        Err(trouble) => return Err(trouble),
    };
    if error.refusal() == Some(RefusalCode::FeeOverCap) {
        // Planned before the signer's cap was lowered: the next plan keeps to it.
        tracing::warn!(bundle = bundle.id, %error, "bundle discarded");
        context.store.discard_bundle(bundle.id, Event::Dropped).await?;
        return Err(Trouble::Signer(error));
    }
    if !is_final(&error) {
        let trouble = Trouble::Signer(error);
        let rows = context.store.travellers(bundle.id).await?;
        note_all(context, &rows, &trouble.to_wait());
        return Err(trouble);
    }
    refused(context, bundle, &error, most).await?;
    Ok(None)
}

async fn first(context: &Context, bundle: &StoredBundle) -> Result<BundleTx, Trouble> {
    let mut fees = bundle.plan;
    loop {
        match sign(context, bundle, fees).await {
            Ok(tx) => return Ok(tx),
            Err(Trouble::Signer(error)) if is_underpriced(&error) => {
                let more = Offer::from(fees).raised(fees::cap(context)).ok_or(error)?;
                fees = Fees {
                    max_fee_per_gas: more.max_fee,
                    max_priority_fee_per_gas: more.tip,
                    ..fees
                };
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

/// The signer will never sign that bundle: smaller ones, or it is the operation itself.
async fn refused(
    context: &Context,
    bundle: &StoredBundle,
    error: &SignerError,
    most: &AtomicUsize,
) -> Result<(), Trouble> {
    tracing::warn!(bundle = bundle.id, operations = bundle.ops.len(), %error, "bundle refused");
    let event = if bundle.ops.len() > 1 {
        most.store(bundle.ops.len() / 2, Ordering::Relaxed);
        Event::Dropped
    } else {
        most.store(context.config.settle.max_batch, Ordering::Relaxed);
        Event::Stuck(error.to_string())
    };
    Ok(context.store.discard_bundle(bundle.id, event).await?)
}

/// A refusal of the policy. Neither is a used nonce, which discarding would not free, nor a fee
/// that was signed before and is not to be exceeded, which a higher cap would heal.
fn is_final(error: &SignerError) -> bool {
    let healed = [RefusalCode::NonceUsed, RefusalCode::ReplacementUnderpriced];
    !error.is_retryable() && error.refusal().is_some_and(|code| !healed.contains(&code))
}

/// The same operations under the same nonce for higher fees, if the cap allows.
pub(super) async fn replacement(
    context: &Context,
    bundle: &StoredBundle,
    old: &BundleTx,
) -> Result<Option<BundleTx>, Trouble> {
    let cap = fees::cap(context);
    let now = Offer::new(fees::tip(&context.chain).await?.base_fee, cap);
    let Some(offer) = now.to_replace(old.fees.into(), cap) else {
        tracing::warn!(bundle = bundle.id, cap, "stalls, but the caps on fees allow no more");
        return Ok(None);
    };
    let fees = Fees {
        gas_limit: old.fees.gas_limit,
        max_fee_per_gas: offer.max_fee,
        max_priority_fee_per_gas: offer.tip,
    };
    metrics::counter!("nexus_keeper_bundles_replaced_total").increment(1);
    sign(context, bundle, fees).await.map(Some)
}

/// Has a transaction signed and stores it.
async fn sign(context: &Context, bundle: &StoredBundle, fees: Fees) -> Result<BundleTx, Trouble> {
    let transaction = BundleTransaction {
        chain_id: context.config.chain.chain_id,
        nonce: bundle.nonce,
        gas_limit: fees.gas_limit,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        entry_point: context.config.chain.entry_point,
        ops: bundle.ops.iter().map(|(_, op)| op.clone()).collect(),
        beneficiary: context.bundler,
    };
    let (hash, raw) = context.signer.sign_bundle(transaction).await?;
    context.health.works(Part::Signer);
    let tx = BundleTx { hash, fees, raw };
    context.store.add_bundle_tx(bundle.id, tx.clone()).await?;
    tracing::info!(bundle = bundle.id, nonce = bundle.nonce, tx = %hash, "bundle signed");
    Ok(tx)
}

/// Whether the signer signed the same for at least as much before.
pub(super) fn is_underpriced(error: &SignerError) -> bool {
    error.refusal() == Some(RefusalCode::ReplacementUnderpriced)
}

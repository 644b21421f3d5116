//! A bundle's transactions: the planned one, and those that replace it when it stalls.

use domain::bundle::BundleTransaction;
use domain::wire::RefusalCode;

use super::fees::{self, Offer};
use crate::health::Part;
use crate::pipeline::{Context, Trouble};
use crate::signer_client::SignerError;
use crate::store::{BundleTx, Fees, StoredBundle};

/// The first transaction, as planned; if an earlier life had it signed for more, for more.
pub(super) async fn first(context: &Context, bundle: &StoredBundle) -> Result<BundleTx, Trouble> {
    let mut fees = bundle.plan;
    loop {
        match sign(context, bundle, fees).await {
            Ok(tx) => return Ok(tx),
            Err(Trouble::Signer(error)) if is_underpriced(&error) => {
                let offer = offer_of(fees);
                let more = offer.to_replace(offer, cap(context)).ok_or(error)?;
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

/// The same operations under the same nonce for higher fees, if the cap allows.
pub(super) async fn replacement(
    context: &Context,
    bundle: &StoredBundle,
    old: &BundleTx,
) -> Result<Option<BundleTx>, Trouble> {
    let now = fees::offer(&context.chain, cap(context)).await?;
    let Some(offer) = now.to_replace(offer_of(old.fees), cap(context)) else {
        tracing::warn!(bundle = bundle.id, "stalls, but settle.max_fee_per_gas allows no more");
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

const fn offer_of(fees: Fees) -> Offer {
    Offer { max_fee: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas }
}

fn cap(context: &Context) -> u128 {
    u128::from(context.config.settle.max_fee_per_gas)
}

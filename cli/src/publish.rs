//! Listing an agent, or a new version of it, in the registry.

use alloy::{primitives::B256, sol_types::SolEvent as _};
use anyhow::Context as _;
use bindings::AgentRegistry::{Listed, Listing};
use domain::{
    hash::manifest_hash,
    ids::{AgentId, ImageDigest},
    manifest::Manifest,
};
use serde::Serialize;

use crate::{
    chain::{Chain, Mined, send},
    failure::Failure,
    images,
    money::Wei,
    output::Output,
};

/// Checks an image before anything is paid for listing it; an image that cannot be checked here
/// is listed with a warning.
pub async fn check_image(
    out: Output,
    image: ImageDigest,
    manifest: &Manifest,
) -> anyhow::Result<()> {
    out.note(format!("Checking image {image}"));
    match images::check(image, manifest).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => {
            out.warn(format!(
                "image {image} was not checked: {reason}; runs of an image that keepers cannot \
                 start are refunded"
            ));
            Ok(())
        }
        Err(error) => match error.downcast::<Failure>() {
            Ok(Failure::Refused(reason)) => Err(Failure::Refused(format!(
                "{reason} (if your keepers' machines differ from this one, list it with \
                 --unchecked)"
            ))
            .into()),
            Ok(other) => Err(other.into()),
            Err(error) => Err(error),
        },
    }
}

/// A listing that was mined.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// The agent's number.
    pub agent_id: AgentId,
    /// Version of its listing.
    pub version: u32,
    /// Price of a run.
    pub price: Wei,
    /// The image.
    pub image: ImageDigest,
    /// Hash of the manifest.
    pub manifest_hash: B256,
    /// The transaction.
    #[serde(flatten)]
    pub mined: Mined,
}

/// Lists a new agent, or relists `existing`.
pub async fn publish(
    chain: &Chain,
    manifest: &Manifest,
    listing: Listing,
    existing: Option<AgentId>,
) -> anyhow::Result<Published> {
    let bytes = manifest.to_bytes().map_err(|error| Failure::Refused(error.to_string()))?;
    let hash = manifest_hash(&bytes);
    let (price, image) = (listing.price.into(), ImageDigest(listing.imageDigest));
    let registry = chain.registry();
    let receipt = match existing {
        Some(id) => send(chain, registry.relist(id.0, listing, bytes.into()), "relisting").await?,
        None => send(chain, registry.list(listing, bytes.into()), "listing").await?,
    };
    let event = receipt
        .inner
        .logs()
        .iter()
        .find_map(|log| Listed::decode_log(&log.inner).ok())
        .context("the transaction holds no Listed event; is the registry address right?")?
        .data;
    Ok(Published {
        agent_id: event.agentId.into(),
        version: event.version,
        price,
        image,
        manifest_hash: hash,
        mined: Mined::from(&receipt),
    })
}

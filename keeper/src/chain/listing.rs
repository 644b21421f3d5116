//! The listing version that was bought, and its manifest, checked against its hash.

use alloy::primitives::{B256, U256, keccak256};
use alloy::sol_types::SolEvent;
use bindings::AgentRegistry;
use bytes::Bytes;
use domain::job::{BlockRef, Purchase};

use super::client::{Chain, at};
use super::error::{ChainError, Doing};

/// A listing as the registry holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Payee, price, time and image.
    pub listing: AgentRegistry::Listing,
    /// `keccak256` of its manifest.
    pub manifest_hash: B256,
}

impl Chain {
    /// The listing that `purchase` bought, as of `block`.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn listing(
        &self,
        purchase: &Purchase,
        block: BlockRef,
    ) -> Result<Listed, ChainError> {
        let registry = self.registry();
        let call = registry.listingOf(purchase.agent_id.0, purchase.version).block(at(&block));
        let found = call.call().await.doing("reading a listing")?;
        Ok(Listed { listing: found._0, manifest_hash: found._1 })
    }

    /// The manifest bytes of that listing from its event, if the node still has it.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn published_manifest(
        &self,
        purchase: &Purchase,
        hash: B256,
    ) -> Result<Option<Bytes>, ChainError> {
        let filter = self
            .filter()
            .event_signature(AgentRegistry::Listed::SIGNATURE_HASH)
            .topic1(purchase.agent_id.0)
            .topic2(U256::from(purchase.version));
        let range = (self.config.start_block, purchase.block.number);
        self.newest_log(&filter, range, |log| {
            let event = AgentRegistry::Listed::decode_log(&log.inner).ok()?;
            let bytes = event.data.manifest.0;
            (keccak256(&bytes) == hash).then_some(bytes)
        })
        .await
    }
}

//! Publishing, changing and withdrawing an agent.

extern crate alloc;

use crate::errors::*;
use crate::events::{Listed, Listing, Unlisted};
use crate::packed::{Head, Terms};
use crate::storage::{Book, ListingRecord};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use common::slots::Slots;

/// Longest manifest, bytes.
pub const MAX_MANIFEST: usize = 8_192;
/// Longest run that can be offered, seconds.
pub const MAX_SECONDS: u32 = 86_400;

type Result<T> = core::result::Result<T, RegistryError>;

impl<S: Slots> Book<S> {
    /// A new agent of `publisher`. Writes six words.
    pub fn list(&mut self, publisher: Address, offer: Listing, manifest: Bytes) -> Result<Listed> {
        self.selling_config()?;
        let mut counters = self.counters();
        counters.agents += 1;
        let agent = counters.agents;
        self.set_counters(&counters);
        self.publish(agent, 1, publisher, offer, manifest)
    }

    /// A new version of an agent, which is then listed, also if it was not. Writes five
    /// words.
    pub fn relist(
        &mut self,
        publisher: Address,
        agent_id: U256,
        offer: Listing,
        manifest: Bytes,
    ) -> Result<Listed> {
        self.selling_config()?;
        let (agent, head) = self.own_agent(publisher, agent_id)?;
        self.publish(agent, head.version + 1, publisher, offer, manifest)
    }

    /// No purchase of the agent from now on; open ones are not touched. Writes one word.
    pub fn unlist(&mut self, publisher: Address, agent_id: U256) -> Result<Unlisted> {
        let (agent, head) = self.own_agent(publisher, agent_id)?;
        if !head.listed {
            return Err(AgentUnlisted { agentId: agent_id }.into());
        }
        self.set_head(agent, &Head { listed: false, ..head });
        Ok(Unlisted { agentId: agent_id })
    }

    fn publish(
        &mut self,
        agent: u64,
        version: u32,
        publisher: Address,
        offer: Listing,
        manifest: Bytes,
    ) -> Result<Listed> {
        check(&offer, &manifest)?;
        self.set_head(
            agent,
            &Head { publisher, version, max_seconds: offer.maxSeconds, listed: true },
        );
        self.set_listing(
            agent,
            version,
            &ListingRecord {
                terms: Terms { payee: offer.payee, price: offer.price.to() },
                image_digest: offer.imageDigest,
                manifest_hash: keccak256(&manifest),
                max_seconds: offer.maxSeconds,
            },
        );
        Ok(Listed { agentId: U256::from(agent), version, publisher, listing: offer, manifest })
    }

    fn own_agent(&self, publisher: Address, agent_id: U256) -> Result<(u64, Head)> {
        let (agent, head) = self.known_agent(agent_id)?;
        if head.publisher != publisher {
            return Err(NotPublisher { caller: publisher }.into());
        }
        Ok((agent, head))
    }

    pub(crate) fn known_agent(&self, agent_id: U256) -> Result<(u64, Head)> {
        if let Ok(agent) = u64::try_from(agent_id) {
            let head = self.head(agent);
            if !head.publisher.is_zero() {
                return Ok((agent, head));
            }
        }
        Err(UnknownAgent { agentId: agent_id }.into())
    }
}

fn check(offer: &Listing, manifest: &[u8]) -> Result<()> {
    if offer.payee.is_zero() {
        return Err(ZeroAddress {}.into());
    }
    if offer.maxSeconds == 0 || offer.maxSeconds > MAX_SECONDS {
        return Err(InvalidMaxSeconds { maxSeconds: offer.maxSeconds }.into());
    }
    if offer.imageDigest.is_zero() {
        return Err(InvalidImageDigest {}.into());
    }
    if manifest.is_empty() || manifest.len() > MAX_MANIFEST {
        return Err(InvalidManifestLength { length: U256::from(manifest.len()) }.into());
    }
    Ok(())
}

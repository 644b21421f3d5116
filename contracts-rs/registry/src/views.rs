//! Records as the public ABI shows them.

use crate::errors::*;
use crate::events::{Agent, Listing, Purchase};
use crate::storage::{Book, ListingRecord, PurchaseRecord};
use alloy_primitives::{Address, B256, U256, aliases::U96};
use common::slots::Slots;

type Result<T> = core::result::Result<T, RegistryError>;

impl<S: Slots> Book<S> {
    /// An agent as it is listed now.
    pub fn agent_view(&self, agent_id: U256) -> Result<Agent> {
        let (agent, head) = self.known_agent(agent_id)?;
        let (listing, manifest_hash) = show(self.listing(agent, head.version));
        Ok(Agent {
            publisher: head.publisher,
            version: head.version,
            listed: head.listed,
            listing,
            manifestHash: manifest_hash,
        })
    }

    /// Any version of an agent's listing, and the hash of its manifest.
    pub fn listing_view(&self, agent_id: U256, version: u32) -> Result<(Listing, B256)> {
        let (agent, _) = self.known_agent(agent_id)?;
        let record = self.listing(agent, version);
        if record.terms.payee.is_zero() {
            return Err(UnknownVersion { agentId: agent_id, version }.into());
        }
        Ok(show(record))
    }

    /// A purchase; all zero if there is none.
    pub fn purchase_view(&self, id: u64) -> Purchase {
        let PurchaseRecord { payment, order } = self.purchase(id);
        let (input_hash, receipt_hash) = self.hashes(id);
        let keeper = match order.keeper {
            0 => Address::ZERO,
            number => self.keeper(number),
        };
        Purchase {
            buyer: payment.buyer,
            agentId: U256::from(order.agent),
            version: order.version,
            status: order.status,
            escrow: U96::from(payment.escrow),
            deadline: order.deadline,
            keeperBps: order.keeper_bps,
            protocolBps: order.protocol_bps,
            inputHash: input_hash,
            keeper,
            receiptHash: receipt_hash,
        }
    }
}

fn show(record: ListingRecord) -> (Listing, B256) {
    let listing = Listing {
        payee: record.terms.payee,
        price: U96::from(record.terms.price),
        maxSeconds: record.max_seconds,
        imageDigest: record.image_digest,
    };
    (listing, record.manifest_hash)
}

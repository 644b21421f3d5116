//! Telling a transaction that can never be mined from one that a node does not show yet.
//!
//! A node may have a block's state, and so the account's next nonce, well before it finds the
//! block's transactions by their hashes. For that time a transaction that was mined looks exactly
//! as one whose nonce was taken by another.

use std::{fmt, time::Duration};

use alloy::{
    consensus::{Transaction as _, TxEnvelope},
    eips::Decodable2718 as _,
    primitives::{Address, B256},
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::{SolCall as _, SolEvent as _},
};
use bindings::AgentRegistry::{Purchased, purchaseCall};
use tokio::time::Instant;

use super::{Outgoing, broadcast::without_body};
use crate::logs;

/// The newest block that a node tells may be a little ahead of the one that mines next.
const MARGIN: u64 = 64;

/// Searches in a row that must not find a purchase.
const SEARCHES: u32 = 3;

/// What must hold in a row of looks before a transaction counts as dropped. A purchase must,
/// besides, have left no log in the chain.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// Looks that find its nonce used and the transaction unknown.
    pub looks: u32,
    /// The time that they span.
    pub time: Duration,
    /// The blocks that they span.
    pub blocks: u64,
}

impl Default for Proof {
    fn default() -> Self {
        Self { looks: 5, time: Duration::from_secs(30), blocks: 5 }
    }
}

impl Proof {
    fn holds(self, looks: u32, time: Duration, blocks: u64) -> bool {
        looks >= self.looks && time >= self.time && blocks >= self.blocks
    }
}

/// A transaction that may have been dropped.
#[derive(Debug)]
pub(super) struct Dropping {
    nonce: u64,
    since: Instant,
    first_block: Option<u64>,
    looks: u32,
    searches: u32,
    found: Option<String>,
}

impl Dropping {
    /// One whose nonce is used, seen now for the first time.
    pub(super) fn new(outgoing: &Outgoing) -> Self {
        let (nonce, since) = (outgoing.nonce, Instant::now());
        Self { nonce, since, first_block: None, looks: 0, searches: 0, found: None }
    }

    /// Notes one more look that found it unknown and its nonce used. Tells whether it is surely
    /// dropped by now.
    pub(super) async fn look(
        &mut self,
        provider: &impl Provider,
        outgoing: &Outgoing,
        proof: Proof,
    ) -> Result<bool, String> {
        self.looks += 1;
        let head = provider.get_block_number().await.map_err(|error| without_body(&error))?;
        let first = *self.first_block.get_or_insert(head);
        if !proof.holds(self.looks, self.since.elapsed(), head.saturating_sub(first)) {
            return Ok(false);
        }
        let Some(purchase) = SentPurchase::in_bytes(outgoing) else { return Ok(true) };
        let found = purchase.find(provider, outgoing).await;
        self.found = found.map_err(|error| format!("{error:#}"))?;
        self.searches = if self.found.is_none() { self.searches + 1 } else { 0 };
        Ok(self.searches >= SEARCHES)
    }
}

impl fmt::Display for Dropping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(found) = &self.found {
            return f.write_str(found);
        }
        write!(
            f,
            "nonce {} of its account is used, by it or by another transaction, and the node does \
             not show which",
            self.nonce
        )
    }
}

/// What a signed transaction buys.
struct SentPurchase {
    registry: Address,
    input_hash: B256,
}

impl SentPurchase {
    /// None if it is no purchase.
    fn in_bytes(outgoing: &Outgoing) -> Option<Self> {
        let signed = TxEnvelope::decode_2718(&mut outgoing.raw.as_ref()).ok()?;
        let call = purchaseCall::abi_decode(signed.input()).ok()?;
        Some(Self { registry: signed.to()?, input_hash: call.inputHash })
    }

    /// Finds the log of the purchase, or that of one with the same buyer and input since it was
    /// signed, and says so.
    async fn find(
        &self,
        provider: &impl Provider,
        outgoing: &Outgoing,
    ) -> anyhow::Result<Option<String>> {
        let hash = outgoing.transaction;
        let signed_at = outgoing.signed_at.unwrap_or_default();
        let filter = Filter::new()
            .address(self.registry)
            .event_signature(Purchased::SIGNATURE_HASH)
            .topic3(outgoing.from.into_word());
        let bought = |log: &Log| Purchased::decode_log(&log.inner).ok().map(|event| event.data);
        let fits = |log: &Log| {
            let same_input = bought(log).is_some_and(|event| event.inputHash == self.input_hash);
            let later = log.block_number.is_none_or(|block| block > signed_at);
            log.transaction_hash == Some(hash) || same_input && later
        };
        let oldest = signed_at.saturating_sub(MARGIN);
        let what = format!("looking for what transaction {hash} bought");
        let log = logs::newest(provider, &filter, oldest, &what, fits).await?;
        Ok(log.and_then(|log| Some((bought(&log)?.purchaseId, log.transaction_hash))).map(
            |(id, by)| match by.filter(|by| *by != hash) {
                None => format!("purchase {id} is its, but the node does not show its receipt yet"),
                Some(by) => format!(
                    "transaction {by} used the same buyer and input for purchase {id}, and the \
                     node does not show what became of this one"
                ),
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_time_and_blocks_must_all_have_passed() {
        let proof = Proof::default();
        let long = Duration::from_secs(30);
        assert!(proof.holds(5, long, 5));
        assert!(!proof.holds(5, Duration::from_secs(5), 5), "five looks a second apart");
        assert!(!proof.holds(4, long, 5));
        assert!(!proof.holds(100, 4 * long, 4), "the chain stands still");
        assert!(proof.time >= Duration::from_secs(20) && proof.blocks >= 3);
    }
}

//! Sending signed bytes until the node has them, or surely refuses them.

use std::time::Duration;

use alloy::{
    primitives::{B256, TxHash},
    providers::Provider,
    transports::RpcError,
};
use keeper::rpc::without_urls;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::{
    Outgoing,
    fate::{Fate, is_nonce_used, look_up},
};
use crate::output::Output;

/// How long a transaction is sent again.
const ALLOWED: Duration = Duration::from_secs(60);
/// The first pause before it is sent again; each is twice the one before, up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A node that refuses this often means it.
const REFUSALS: u32 = 3;

/// Why a transaction is not known to be on its way.
#[derive(Debug, Clone, Error)]
pub enum Trouble {
    /// The node refused it each time, nothing of it is known, and its nonce is free.
    #[error("the node refuses transaction {hash}: {reason}")]
    Refused {
        /// The transaction.
        hash: TxHash,
        /// What the node said.
        reason: String,
    },
    /// It may or may not be mined.
    #[error("transaction {hash} was sent, but it is not known whether the node took it: {reason}")]
    Unknown {
        /// The transaction.
        hash: TxHash,
        /// What happened last.
        reason: String,
    },
}

impl Trouble {
    /// The transaction.
    pub fn hash(&self) -> TxHash {
        match self {
            Self::Refused { hash, .. } | Self::Unknown { hash, .. } => *hash,
        }
    }

    /// Tells whether it may be mined, now or later.
    pub fn may_be_mined(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// The node's answer to one sending.
enum Answer {
    Taken,
    Refused(String),
    /// Too much at once: it did not look at the transaction.
    Busy(String),
    /// No answer, or none that makes sense: the node may have taken it.
    Lost(String),
}

/// Sends until the node knows the transaction. What the node answers is not believed: after
/// anything but the right hash the transaction is looked up, then the same bytes are sent again.
pub async fn broadcast(
    provider: &impl Provider,
    outgoing: &Outgoing,
    out: Output,
) -> Result<(), Trouble> {
    let hash = outgoing.transaction;
    let deadline = Instant::now() + ALLOWED;
    let (mut pause, mut lost, mut refusals) = (PAUSE, false, 0);
    loop {
        let reason = match send_once(provider, outgoing).await {
            Answer::Taken => return Ok(()),
            Answer::Refused(reason) => {
                refusals += 1;
                reason
            }
            Answer::Busy(reason) => reason,
            Answer::Lost(reason) => {
                if !lost {
                    out.warn(format!(
                        "the node's answer to transaction {hash} was lost ({reason}): looking it \
                         up, and sending the same bytes again if needed; it can be mined only once"
                    ));
                }
                lost = true;
                reason
            }
        };
        if let Ok(Fate::Mined(_) | Fate::Waiting) = look_up(provider, hash).await {
            return Ok(());
        }
        if refusals >= REFUSALS && !lost && is_free(provider, outgoing).await {
            return Err(Trouble::Refused { hash, reason });
        }
        if Instant::now() > deadline || refusals >= 2 * REFUSALS {
            return Err(Trouble::Unknown { hash, reason });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sends once and sorts the answer.
async fn send_once(provider: &impl Provider, outgoing: &Outgoing) -> Answer {
    let bytes = alloy::hex::encode_prefixed(&outgoing.raw);
    let answer: Result<B256, _> =
        provider.client().request("eth_sendRawTransaction", (bytes,)).await;
    match answer {
        Ok(found) if found == outgoing.transaction => Answer::Taken,
        Ok(other) => Answer::Lost(format!("it answered with the hash {other}")),
        Err(RpcError::ErrorResp(payload)) if payload.is_retry_err() => {
            Answer::Busy(payload.to_string())
        }
        Err(RpcError::ErrorResp(payload)) => Answer::Refused(payload.to_string()),
        Err(error) => Answer::Lost(without_body(&error)),
    }
}

/// A page of HTML is no reason that anybody wants to read, and a URL none that all may read.
pub(super) fn without_body(error: &alloy::transports::TransportError) -> String {
    match error {
        RpcError::DeserError { err, .. } => format!("it is no JSON-RPC: {err}"),
        other => without_urls(&other.to_string()),
    }
}

/// Tells whether the account's nonce is surely free: no answer is no yes.
async fn is_free(provider: &impl Provider, outgoing: &Outgoing) -> bool {
    matches!(is_nonce_used(provider, outgoing.from, outgoing.nonce).await, Ok(false))
}

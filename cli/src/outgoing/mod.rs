//! Transactions on their way: signed here, kept on disk, sent, looked up by their hash.
//!
//! A node may take a transaction and its answer may be lost. Whoever then signs a second one
//! pays twice. So the hash is known before anything is sent, no answer to a sending is believed,
//! and the same bytes are sent again until the chain shows them:
//!
//! * **mined**: the receipt is there, whatever the node answered;
//! * **waiting**: the node knows the hash and it is not mined yet;
//! * **unknown**: sent again, unless the account's nonce is used: then it is
//!   [dropped](receipt::Ended::Dropped), but only once time and blocks have passed and the chain
//!   has no log of it, because a node may show a block's state long before its receipts.

mod broadcast;
mod dropped;
mod fate;
mod kept;
mod layer;
mod nonce;
mod receipt;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::{Address, Bytes, TxHash};
use serde::{Deserialize, Serialize};

pub use broadcast::{Trouble, broadcast};
pub use dropped::Proof;
pub use kept::Kept;
pub use layer::CourierLayer;
pub use nonce::AgreedNonce;
pub use receipt::{Ended, Patience, await_receipt};

use crate::output::Output;

/// A signed transaction. Holds no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outgoing {
    /// Hash of the signed bytes.
    pub transaction: TxHash,
    /// The chain it is signed for.
    pub chain_id: u64,
    /// The account that signed.
    pub from: Address,
    /// That account's nonce in it.
    pub nonce: u64,
    /// The signed bytes.
    pub raw: Bytes,
    /// The newest block when it was signed, if the node told.
    #[serde(default)]
    pub signed_at: Option<u64>,
}

/// Sends signed transactions and remembers them. Clones share what was sent.
#[derive(Debug, Clone)]
pub struct Courier {
    /// Where hashes and warnings are shown.
    pub out: Output,
    kept: Option<Kept>,
    sent: Arc<Mutex<HashMap<TxHash, Outgoing>>>,
}

impl Courier {
    /// Shows hashes and warnings on `out`; keeps signed bytes in `kept` until they are mined.
    pub fn new(out: Output, kept: Option<Kept>) -> Self {
        Self { out, kept, sent: Arc::default() }
    }

    /// The transaction of that hash, if this process sent it or an earlier one kept it.
    pub fn find(&self, hash: TxHash) -> Option<Outgoing> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        sent.or_else(|| self.kept.as_ref()?.read(hash))
    }

    /// Remembers a transaction before it is sent. A folder that cannot be written costs the
    /// way to send the same bytes again later, not the transaction.
    fn remember(&self, outgoing: &Outgoing) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.insert(outgoing.transaction, outgoing.clone());
        drop(sent);
        self.out.note(format!("Sending transaction {}", outgoing.transaction));
        if let Some(Err(error)) = self.kept.as_ref().map(|kept| kept.write(outgoing)) {
            self.out.warn(format!(
                "the signed transaction is not kept on disk ({error:#}): note its hash {}",
                outgoing.transaction
            ));
        }
    }

    /// Forgets a transaction whose end is known.
    pub fn forget(&self, hash: TxHash) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash);
        if let Some(kept) = &self.kept {
            kept.remove(hash);
        }
    }

    /// Forgets everything that this process sent: all of it is mined.
    pub fn forget_all(&self) {
        let sent: Vec<TxHash> = {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.keys().copied().collect()
        };
        for hash in sent {
            self.forget(hash);
        }
    }
}

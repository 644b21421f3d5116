//! The facts that a job gathers on its way, each state holding just those that exist by then.

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, ImageDigest, PurchaseId};
use crate::manifest::Manifest;
use crate::receipt::{self, ExecutionReceipt, Outcome};
use crate::serde_text::wei;
use crate::userop::PackedUserOperation;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// What the registry said when the run was bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The registry's number of it; also the number of the job.
    pub id: PurchaseId,
    /// The agent that was bought.
    pub agent_id: AgentId,
    /// The version of its listing.
    pub version: u32,
    /// Who paid.
    pub buyer: Address,
    /// What lies in escrow, in wei.
    #[serde(with = "wei")]
    pub escrow: U96,
    /// Unix seconds after which anybody may refund.
    pub deadline: u64,
    /// `keccak256` of the input.
    pub input_hash: B256,
    /// The block that holds the purchase.
    pub block: BlockRef,
}

impl Purchase {
    /// Returns the hash of what was bought and by whom, as the registry computes it.
    pub fn order_hash(&self) -> B256 {
        receipt::order_hash(self.buyer, self.agent_id, self.version, self.input_hash)
    }

    /// Whether a receipt for `self` is true for `other` too: only block and deadline may differ.
    pub fn same_bargain(&self, other: &Self) -> bool {
        let facts = |p: &Self| (p.id, p.agent_id, p.version, p.buyer, p.escrow, p.input_hash);
        facts(self) == facts(other)
    }
}

/// The listing version that was bought, read back from the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Who gets the money.
    pub payee: Address,
    /// Price in wei.
    #[serde(with = "wei")]
    pub price: U96,
    /// Longest run that the listing promises, in seconds.
    pub max_seconds: u32,
    /// The image that runs.
    pub image_digest: ImageDigest,
    /// `keccak256` of the manifest as published.
    pub manifest_hash: B256,
    /// The manifest; `None` when the published bytes are no valid one, so that the job fails.
    pub manifest: Option<Manifest>,
}

impl Terms {
    /// Whether both are one listing: work done on the terms of `other` counts only then.
    pub fn same_listing(&self, other: &Self) -> bool {
        let facts = |t: &Self| (t.payee, t.price, t.max_seconds, t.image_digest, t.manifest_hash);
        facts(self) == facts(other)
    }
}

/// A purchase with its terms and the number of runs begun so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was bought.
    pub purchase: Purchase,
    /// On which terms.
    pub terms: Terms,
    /// Runs begun; the next one is this plus one.
    pub attempts: u32,
}

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Which run of the job; 0 when it ended before any.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Exit code; -1 when the process never exited by itself.
    pub exit_code: i64,
    /// The reason in words, for people.
    pub detail: String,
    /// `keccak256` of the result; of no bytes unless the outcome is ok.
    pub result_hash: B256,
    /// `keccak256` of the log as far as it was kept.
    pub log_hash: B256,
    /// Unix milliseconds.
    pub started_at: u64,
    /// Unix milliseconds.
    pub finished_at: u64,
    /// CPU time in microseconds.
    pub cpu_micros: u64,
    /// Highest memory use in bytes.
    pub peak_memory_bytes: u64,
}

/// An order and how its run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// What was to be run.
    pub order: Order,
    /// How that ended.
    pub run: RunRecord,
}

/// The signed decision how to settle: the receipt with its owner's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What the keeper vouches for.
    pub receipt: ExecutionReceipt,
    /// Its EIP-712 digest.
    pub receipt_hash: B256,
    /// 65 bytes over the digest.
    pub receipt_signature: Bytes,
}

/// Everything that a settlement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The run that is settled.
    pub finished: Finished,
    /// How.
    pub intent: Intent,
}

/// Work that is done, and must never be done a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Work {
    /// The run ended.
    Finished(Box<Finished>),
    /// And it is vouched for.
    Prepared(Box<Prepared>),
}

impl Work {
    /// The run.
    pub fn finished(&self) -> &Finished {
        match self {
            Self::Finished(finished) => finished,
            Self::Prepared(prepared) => &prepared.finished,
        }
    }

    /// The signed receipt, if it got so far.
    pub fn prepared(&self) -> Option<&Prepared> {
        match self {
            Self::Finished(_) => None,
            Self::Prepared(prepared) => Some(prepared),
        }
    }
}

/// A UserOperation that the signer signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOp {
    /// What it settles.
    pub prepared: Prepared,
    /// The operation with its signature.
    pub op: PackedUserOperation,
    /// Its hash.
    pub op_hash: B256,
}

/// An operation inside a stored bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentOp {
    /// The operation.
    pub signed: SignedOp,
    /// The stored bundle that carries it.
    pub bundle: u64,
}

/// What the registry said when the purchase was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The account that settled.
    pub keeper: Address,
    /// Digest of the receipt that it carried.
    pub receipt_hash: B256,
    /// Whether that is this keeper's account, with the receipt of this job.
    pub ours: bool,
    /// Whether the publisher was paid.
    pub ok: bool,
    /// The transaction.
    pub tx_hash: B256,
    /// The block that holds it.
    pub block: BlockRef,
    /// What the buyer was charged, in wei.
    #[serde(with = "wei")]
    pub charge: U96,
    /// The keeper's share, in wei.
    #[serde(with = "wei")]
    pub keeper_fee: U96,
    /// The protocol's share, in wei.
    #[serde(with = "wei")]
    pub protocol_fee: U96,
}

/// What outlives a job's way back or its end: the purchase and, if it got so far, the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// What was bought.
    pub purchase: Purchase,
    /// What was done already.
    pub work: Option<Work>,
    /// Runs begun so far.
    pub attempts: u32,
}

impl Past {
    /// The past of a purchase just seen.
    pub fn new(purchase: Purchase) -> Self {
        Self { purchase, work: None, attempts: 0 }
    }

    /// The same job under a purchase mined anew; work done stays if it still fits.
    #[must_use]
    pub fn reappeared(self, purchase: Purchase) -> Self {
        let fits = self.purchase.same_bargain(&purchase);
        Self { work: self.work.filter(|_| fits), purchase, attempts: self.attempts }
    }

    /// The work done under the present purchase, to go on with.
    pub fn resume(&self) -> Option<Work> {
        self.take_up(self.work.clone()?)
    }

    /// Work done for this very bargain earlier, as done under the present purchase; `None` if it
    /// was done for another one.
    pub fn take_up(&self, mut work: Work) -> Option<Work> {
        let finished = match &mut work {
            Work::Finished(finished) => finished,
            Work::Prepared(prepared) => &mut prepared.finished,
        };
        let order = &mut finished.order;
        if !order.purchase.same_bargain(&self.purchase) {
            return None;
        }
        order.purchase = self.purchase.clone();
        // Runs begun for other orders of this number count, so that no container's name recurs.
        order.attempts = order.attempts.max(self.attempts);
        Some(work)
    }

    fn of(work: Work) -> Self {
        let order = &work.finished().order;
        Self { purchase: order.purchase.clone(), attempts: order.attempts, work: Some(work) }
    }
}

impl From<Order> for Past {
    fn from(order: Order) -> Self {
        Self { purchase: order.purchase, work: None, attempts: order.attempts }
    }
}

impl From<Finished> for Past {
    fn from(finished: Finished) -> Self {
        Self::of(Work::Finished(Box::new(finished)))
    }
}

impl From<Prepared> for Past {
    fn from(prepared: Prepared) -> Self {
        Self::of(Work::Prepared(Box::new(prepared)))
    }
}

impl From<SignedOp> for Past {
    fn from(signed: SignedOp) -> Self {
        signed.prepared.into()
    }
}

impl From<SentOp> for Past {
    fn from(sent: SentOp) -> Self {
        sent.signed.into()
    }
}

//! What can happen to a job, and what a state owes.

use std::fmt;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::data::{Finished, Intent, Prepared, Purchase, RunRecord, Settlement, Terms};
use crate::userop::PackedUserOperation;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $(($data:ty))? = $text:literal,)+) => {
        /// Something that happened to a job.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $name $(($data))?,)+
        }

        /// An event without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)+
        }

        impl EventKind {
            /// Every kind, in the order of a job's life.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }

        impl fmt::Display for EventKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)+ })
            }
        }

        impl Event {
            /// Which event it is.
            pub const fn kind(&self) -> EventKind {
                match self { $(events!(@pattern $name $(($data))?) => EventKind::$name,)+ }
            }
        }
    };
    (@pattern $name:ident ($data:ty)) => { Self::$name(_) };
    (@pattern $name:ident) => { Self::$name };
}

events! {
    /// Deep enough in the chain, and everything read back from it agrees.
    Confirmed(Terms) = "confirmed",
    /// Confirmed again, and the agent succeeded before: only receipt and settlement are missing.
    ResultKept(Box<Finished>) = "succeeded before",
    /// Confirmed again, and the agent failed before.
    FailureKept(Box<Finished>) = "failed before",
    /// Confirmed again, and the receipt was signed before: only the settlement is missing.
    ReceiptKept(Box<Prepared>) = "receipt signed before",
    /// The input is stored.
    InputStored = "input stored",
    /// It can never run: the manifest or the input is invalid.
    Refused(RunRecord) = "cannot run",
    /// A place is free: run number `attempts + 1` begins.
    Started = "run begins",
    /// The container of the last run is gone without a result: another run begins.
    Restarted = "run lost, begins anew",
    /// The agent exited with 0 and its output is as promised.
    Produced(RunRecord) = "agent succeeded",
    /// The agent failed in any way.
    Failed(RunRecord) = "agent failed",
    /// The receipt is signed.
    Intended(Box<Intent>) = "receipt signed",
    /// The UserOperation is signed.
    Signed(Box<SignedData>) = "operation signed",
    /// The operation must be signed again, with other fees.
    Repriced = "fees outdated",
    /// A bundle with the operation is stored under that number, to be signed and sent.
    Bundled(u64) = "bundle stored",
    /// The bundle can never be mined any more.
    Dropped = "bundle dropped",
    /// The operation was mined and its call failed.
    Reverted = "operation failed",
    /// The registry shows the purchase settled.
    Settled(Settlement) = "settled on chain",
    /// The settlement is deep enough.
    Finalized = "settlement final",
    /// The block of the settlement left the chain.
    SettlementRemoved = "settlement reorged",
    /// The registry shows the purchase refunded.
    Refunded = "refunded on chain",
    /// The block of the refund left the chain.
    RefundRemoved = "refund reorged",
    /// Too late to run.
    Expired = "deadline passed",
    /// The block of the purchase left the chain.
    PurchaseRemoved = "purchase reorged",
    /// The purchase is in the chain again, perhaps another one under the same number.
    Reappeared(Purchase) = "purchase mined again",
    /// Nothing that the keeper can do helps; the reason is for the operator.
    Stuck(String) = "needs the operator",
    /// The operator wants it tried again.
    Retried = "retried",
}

/// What signing an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedData {
    /// The operation with its signature.
    pub op: PackedUserOperation,
    /// Its hash.
    pub op_hash: B256,
}

/// Work that a state owes; it stays in the outbox until the job leaves that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Wait for depth, read everything back from the chain.
    Confirm,
    /// Wait for the input.
    AwaitInput,
    /// Wait for a free place, then begin a run.
    Start,
    /// Run the agent, or pick up its container, and keep what it gave.
    Run,
    /// Have the receipt signed.
    Prepare,
    /// Have the settlement's operation signed.
    Sign,
    /// Put the operation into a bundle.
    Bundle,
    /// Send the bundle and see it mined.
    Watch,
    /// Wait until the settlement is final.
    Finalize,
}

impl Effect {
    /// Every effect.
    pub const ALL: &[Self] = &[
        Self::Confirm,
        Self::AwaitInput,
        Self::Start,
        Self::Run,
        Self::Prepare,
        Self::Sign,
        Self::Bundle,
        Self::Watch,
        Self::Finalize,
    ];

    /// The name under which the outbox stores it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::AwaitInput => "awaitinput",
            Self::Start => "start",
            Self::Run => "run",
            Self::Prepare => "prepare",
            Self::Sign => "sign",
            Self::Bundle => "bundle",
            Self::Watch => "watch",
            Self::Finalize => "finalize",
        }
    }

    /// Reads [`Self::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|effect| effect.name() == name)
    }
}

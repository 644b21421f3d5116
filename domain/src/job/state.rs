//! The states of a job, each with the facts that exist in it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::data::{
    Finished, Order, Past, Prepared, Purchase, RunRecord, SentOp, Settlement, SignedOp, Terms, Work,
};
use super::event::Effect;

/// A run in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// What runs; `order.attempts` is the number of this run.
    pub order: Order,
}

/// A job whose purchase the registry shows settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// What was done here.
    pub past: Past,
    /// What the registry shows.
    pub settlement: Settlement,
}

/// A job that waits for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// What was done so far.
    pub past: Past,
    /// Why it goes no further, for the operator.
    pub reason: String,
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident($data:ty) = $text:literal, owes $effect:expr;)+) => {
        /// Where a job stands, with all that is known there.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum State {
            $($(#[$doc])* $name($data),)+
        }

        /// A state without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// Every kind, in the order of a job's life.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The work that a job owes in this state.
            pub const fn owes(self) -> Option<Effect> {
                match self { $(Self::$name => $effect,)+ }
            }

            /// The lower-case name used in the store, the API and the book.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }

        impl State {
            /// Which state it is.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)+ }
            }
        }
    };
}

states! {
    /// The purchase stands in a block, not yet deep enough.
    Seen(Past) = "seen", owes Some(Effect::Confirm);
    /// Read back from the chain; the input may still be on its way.
    Confirmed(Order) = "confirmed", owes Some(Effect::AwaitInput);
    /// All is there; waits for a free place.
    Ready(Order) = "ready", owes Some(Effect::Start);
    /// The agent runs.
    Running(Running) = "running", owes Some(Effect::Run);
    /// The agent succeeded; its result is stored.
    Produced(Finished) = "produced", owes Some(Effect::Prepare);
    /// The agent failed, or could not be run; the buyer gets the money back.
    Failed(Finished) = "failed", owes Some(Effect::Prepare);
    /// The receipt is signed: this is how it will be settled.
    Intended(Prepared) = "intended", owes Some(Effect::Sign);
    /// The settlement's operation is signed and stored, not yet sent.
    Signed(SignedOp) = "signed", owes Some(Effect::Bundle);
    /// In a stored bundle, which is signed, stored again and sent until it is mined.
    Sent(SentOp) = "sent", owes Some(Effect::Watch);
    /// The registry shows the purchase settled.
    Settled(Closed) = "settled", owes Some(Effect::Finalize);
    /// The settlement is so deep that it is not looked at any more.
    Final(Closed) = "final", owes None;
    /// The purchase is in the chain no longer.
    Reorged(Past) = "reorged", owes None;
    /// The deadline passed, or the purchase was refunded.
    Expired(Past) = "expired", owes None;
    /// The keeper cannot go on by itself.
    Stuck(Stuck) = "stuck", owes None;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl State {
    /// The first state of a job.
    pub fn seen(purchase: Purchase) -> Self {
        Self::Seen(Past::new(purchase))
    }

    /// Whether the keeper has nothing left to do here, unless the chain changes its mind.
    pub const fn is_terminal(&self) -> bool {
        self.kind().owes().is_none()
    }

    /// What was bought.
    pub fn purchase(&self) -> &Purchase {
        match self {
            Self::Seen(past) | Self::Reorged(past) | Self::Expired(past) => &past.purchase,
            Self::Stuck(stuck) => &stuck.past.purchase,
            Self::Settled(closed) | Self::Final(closed) => &closed.past.purchase,
            Self::Confirmed(order) | Self::Ready(order) => &order.purchase,
            Self::Running(running) => &running.order.purchase,
            Self::Produced(finished) | Self::Failed(finished) => &finished.order.purchase,
            Self::Intended(prepared) => &prepared.finished.order.purchase,
            Self::Signed(signed) => &signed.prepared.finished.order.purchase,
            Self::Sent(sent) => &sent.signed.prepared.finished.order.purchase,
        }
    }

    /// The listing, once it was read back from the chain.
    pub fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Confirmed(order) | Self::Ready(order) => Some(&order.terms),
            Self::Running(running) => Some(&running.order.terms),
            Self::Produced(finished) | Self::Failed(finished) => Some(&finished.order.terms),
            _ => self.finished().map(|finished| &finished.order.terms),
        }
    }

    /// The run, once it ended.
    pub fn run(&self) -> Option<&RunRecord> {
        match self {
            Self::Produced(finished) | Self::Failed(finished) => Some(&finished.run),
            _ => self.finished().map(|finished| &finished.run),
        }
    }

    /// The signed receipt with all it speaks of, once there is one.
    pub fn prepared(&self) -> Option<&Prepared> {
        match self {
            Self::Intended(prepared) => Some(prepared),
            Self::Signed(signed) => Some(&signed.prepared),
            Self::Sent(sent) => Some(&sent.signed.prepared),
            _ => self.work().and_then(Work::prepared),
        }
    }

    fn finished(&self) -> Option<&Finished> {
        match self.prepared() {
            Some(prepared) => Some(&prepared.finished),
            None => self.work().map(Work::finished),
        }
    }

    /// Work kept from before the job went back or ended.
    pub fn work(&self) -> Option<&Work> {
        match self {
            Self::Seen(past) | Self::Reorged(past) | Self::Expired(past) => past.work.as_ref(),
            Self::Stuck(stuck) => stuck.past.work.as_ref(),
            Self::Settled(closed) | Self::Final(closed) => closed.past.work.as_ref(),
            _ => None,
        }
    }

    /// What the registry shows, once it is settled.
    pub const fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settled(closed) | Self::Final(closed) => Some(&closed.settlement),
            _ => None,
        }
    }

    /// Why the job waits for the operator.
    pub const fn stuck_reason(&self) -> Option<&str> {
        match self {
            Self::Stuck(stuck) => Some(stuck.reason.as_str()),
            _ => None,
        }
    }
}

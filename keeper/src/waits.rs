//! The board of waiting jobs: on what each one waits, why, since when, and what would help.
//!
//! It lives in memory and is true of this process alone: a job that waits is tried again and
//! again, so after a restart its first try writes the board anew. The API shows an entry beside
//! its job, `/healthz` and the metrics count them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::store::{JobRow, now_millis};

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The thing that a job waits for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub enum WaitOn {
            $($(#[$doc])* $name,)+
        }

        impl WaitOn {
            /// Every cause, in the order of a job's life.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name used in the API, in `/healthz` and as a metric's label.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

        }
    };
}

causes! {
    /// Blocks on top of the purchase's block.
    Confirmations = "confirmations",
    /// An input that the buyer has yet to upload.
    Input = "input",
    /// A free place among the agents that run.
    Slot = "slot",
    /// A Docker engine that answers and can lock containers well enough.
    Engine = "engine",
    /// A node that answers, or a chain that settles down.
    Node = "node",
    /// A store that can be written.
    Store = "store",
    /// A signer that answers.
    Signer = "signer",
    /// The signer's budget of the day.
    SignerBudget = "signerBudget",
    /// Gas that costs no more than the caps of keeper and signer allow.
    Fee = "fee",
    /// Ether of the keeper's smart account.
    AccountFunds = "accountFunds",
    /// Ether of the bundler's address.
    BundlerFunds = "bundlerFunds",
    /// A bundler nonce below that has yet to be used.
    Nonce = "nonce",
    /// The block that includes the bundle.
    Inclusion = "inclusion",
}

impl WaitOn {
    /// Whether settlements stand still until the operator acts or gas gets cheaper.
    pub const fn blocks_settling(self) -> bool {
        matches!(self, Self::SignerBudget | Self::Fee | Self::AccountFunds | Self::BundlerFunds)
    }
}

/// A wait as a phase reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The thing waited for.
    pub on: WaitOn,
    /// The reason, for people.
    pub reason: String,
    /// The act that would end the wait sooner, for people; "nothing" is a fine answer.
    pub help: String,
}

impl Wait {
    /// A wait for `on`.
    pub fn new(on: WaitOn, reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self { on, reason: reason.into(), help: help.into() }
    }
}

/// A wait as the board shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The thing waited for.
    pub on: WaitOn,
    /// The reason, for people.
    pub reason: String,
    /// The act that would end the wait sooner.
    pub help: String,
    /// Unix milliseconds at which the job began to wait for it.
    pub since: u64,
}

/// The board. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct WaitBoard(Arc<Mutex<HashMap<u64, Entry>>>);

#[derive(Debug)]
struct Entry {
    version: u64,
    waiting: Waiting,
}

impl WaitBoard {
    /// Notes that a job waits, as of the version that the phase works on. A wait for the same
    /// thing keeps its beginning.
    pub fn note(&self, job: u64, version: u64, wait: Wait) {
        let mut entries = self.0.lock();
        let since = match entries.get(&job) {
            Some(entry) if entry.version > version => return,
            Some(entry) if entry.version == version && entry.waiting.on == wait.on => {
                entry.waiting.since
            }
            _ => now_millis(),
        };
        let Wait { on, reason, help } = wait;
        entries.insert(job, Entry { version, waiting: Waiting { on, reason, help, since } });
    }

    /// Returns the wait of a job, unless it moved on meanwhile.
    pub fn of(&self, row: &JobRow) -> Option<Waiting> {
        let entries = self.0.lock();
        let entry = entries.get(&row.id).filter(|entry| entry.version == row.version)?;
        Some(entry.waiting.clone())
    }

    /// Drops the entries of all jobs but those that still owe work at the version noted, given as
    /// pairs of job and version.
    pub fn keep_only(&self, owing: &HashSet<(u64, u64)>) {
        self.0.lock().retain(|job, entry| owing.contains(&(*job, entry.version)));
    }

    /// Drops the entry of a job that is not at the noted version any more, or owes nothing.
    pub fn keep_at(&self, job: u64, version: Option<u64>) {
        let mut entries = self.0.lock();
        if entries.get(&job).is_some_and(|entry| version.is_none_or(|now| now > entry.version)) {
            entries.remove(&job);
        }
    }

    /// Drops the entry of one job.
    pub fn clear(&self, job: u64) {
        self.0.lock().remove(&job);
    }

    /// Returns the oldest wait that keeps settlements from being made, if there is one.
    pub fn oldest_that_blocks_settling(&self) -> Option<Waiting> {
        let entries = self.0.lock();
        let blocked = entries.values().filter(|entry| entry.waiting.on.blocks_settling());
        blocked.min_by_key(|entry| entry.waiting.since).map(|entry| entry.waiting.clone())
    }

    /// Counts the waiting jobs by cause.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.0.lock().values() {
            *counts.entry(entry.waiting.on.name()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(on: WaitOn, reason: &str) -> Wait {
        Wait::new(on, reason, "nothing")
    }

    fn shown(board: &WaitBoard, job: u64) -> Option<Waiting> {
        board.0.lock().get(&job).map(|entry| entry.waiting.clone())
    }

    #[test]
    fn names_are_those_of_the_json() {
        for on in WaitOn::ALL {
            assert_eq!(serde_json::to_value(on).unwrap(), on.name());
        }
    }

    #[test]
    fn a_wait_for_the_same_thing_keeps_its_beginning_and_takes_the_new_reason() {
        let board = WaitBoard::default();
        board.note(1, 4, wait(WaitOn::Node, "first"));
        let first = shown(&board, 1).unwrap();
        board.0.lock().get_mut(&1).unwrap().waiting.since = 7;
        board.note(1, 4, wait(WaitOn::Node, "second"));
        let second = shown(&board, 1).unwrap();
        assert_eq!((second.since, second.reason.as_str()), (7, "second"));
        board.note(1, 4, wait(WaitOn::Fee, "third"));
        assert!(shown(&board, 1).unwrap().since >= first.since);
    }

    #[test]
    fn only_what_stops_settlements_is_shown_as_such() {
        let board = WaitBoard::default();
        board.note(1, 1, wait(WaitOn::Inclusion, "a block"));
        assert_eq!(board.oldest_that_blocks_settling(), None);
        board.note(2, 1, wait(WaitOn::BundlerFunds, "no ether"));
        assert_eq!(board.oldest_that_blocks_settling().unwrap().reason, "no ether");
        board.clear(2);
        assert_eq!(board.oldest_that_blocks_settling(), None);
    }

    #[test]
    fn entries_of_jobs_that_moved_on_go_and_never_come_back() {
        let board = WaitBoard::default();
        board.note(1, 4, wait(WaitOn::Node, "old"));
        board.note(2, 9, wait(WaitOn::Fee, "stays"));
        board.keep_only(&HashSet::from([(1, 5), (2, 9)]));
        assert_eq!(board.counts(), BTreeMap::from([("fee", 1)]));
        board.note(2, 8, wait(WaitOn::Node, "late"));
        assert_eq!(shown(&board, 2).unwrap().on, WaitOn::Fee, "an older try says nothing");
    }
}

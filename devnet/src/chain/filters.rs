//! Filters that clients poll: what happened since the last time they asked.

use super::ChainEvent;
use alloy::primitives::{B256, U256, map::HashMap};
use alloy::rpc::types::{Filter, Log};
use std::time::{Duration, Instant};

/// A filter that nobody asks for this long is dropped.
const EXPIRY: Duration = Duration::from_secs(300);
/// Most filters at once, and most entries that wait in one.
const CAPACITY: usize = 10_000;

/// What a filter collects.
#[derive(Debug, Clone)]
pub enum FilterKind {
    /// Hashes of new blocks.
    Blocks,
    /// Hashes of transactions that begin to wait.
    Pending,
    /// Logs that match.
    Logs(Box<Filter>),
}

/// What a filter collected.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(untagged)]
pub enum Changes {
    /// Block or transaction hashes.
    Hashes(Vec<B256>),
    /// Logs, with those of removed blocks marked.
    Logs(Vec<Log>),
}

#[derive(Debug)]
struct Entry {
    kind: FilterKind,
    hashes: Vec<B256>,
    logs: Vec<Log>,
    asked: Instant,
}

/// All filters.
#[derive(Debug, Default)]
pub struct Filters {
    entries: HashMap<U256, Entry>,
    count: u64,
}

impl Filters {
    /// Creates a filter and returns its id; `None` when there are too many.
    pub fn add(&mut self, kind: FilterKind) -> Option<U256> {
        self.entries.retain(|_, entry| entry.asked.elapsed() < EXPIRY);
        if self.entries.len() >= CAPACITY {
            return None;
        }
        self.count += 1;
        let id = U256::from(self.count);
        let entry = Entry { kind, hashes: Vec::new(), logs: Vec::new(), asked: Instant::now() };
        self.entries.insert(id, entry);
        Some(id)
    }

    /// Removes a filter; false if there is none with this id.
    pub fn remove(&mut self, id: U256) -> bool {
        self.entries.remove(&id).is_some()
    }

    /// What a filter collected since the last call.
    pub fn take(&mut self, id: U256) -> Option<Changes> {
        let entry = self.entries.get_mut(&id)?;
        entry.asked = Instant::now();
        Some(match entry.kind {
            FilterKind::Logs(_) => Changes::Logs(std::mem::take(&mut entry.logs)),
            _ => Changes::Hashes(std::mem::take(&mut entry.hashes)),
        })
    }

    /// The query of a log filter.
    pub fn query(&mut self, id: U256) -> Option<Filter> {
        let entry = self.entries.get_mut(&id)?;
        entry.asked = Instant::now();
        match &entry.kind {
            FilterKind::Logs(filter) => Some((**filter).clone()),
            _ => None,
        }
    }

    /// Feeds an event to every filter.
    pub(super) fn notify(&mut self, event: &ChainEvent) {
        for entry in self.entries.values_mut() {
            entry.notify(event);
        }
        self.entries.retain(|_, entry| entry.hashes.len().max(entry.logs.len()) <= CAPACITY);
    }
}

impl Entry {
    fn notify(&mut self, event: &ChainEvent) {
        match (&self.kind, event) {
            (FilterKind::Blocks, ChainEvent::Added(block)) => self.hashes.push(block.hash()),
            (FilterKind::Pending, ChainEvent::Pending(tx)) => self.hashes.push(tx.hash()),
            (FilterKind::Logs(filter), ChainEvent::Added(_) | ChainEvent::Removed(_)) => {
                self.logs.extend(matching_logs(filter, event));
            }
            _ => {}
        }
    }
}

/// The logs of an event that a filter wants, removed ones newest first.
pub fn matching_logs(filter: &Filter, event: &ChainEvent) -> Vec<Log> {
    let (block, removed) = match event {
        ChainEvent::Added(block) => (block, false),
        ChainEvent::Removed(block) => (block, true),
        ChainEvent::Pending(_) => return Vec::new(),
    };
    if !filter.matches_bloom(block.header.logs_bloom) || !filter.matches_block_range(block.number())
    {
        return Vec::new();
    }
    let mut logs = block.logs();
    logs.retain(|log| filter.matches(&log.inner));
    if removed {
        logs.reverse();
        logs.iter_mut().for_each(|log| log.removed = true);
    }
    logs
}

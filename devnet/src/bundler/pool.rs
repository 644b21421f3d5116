//! Operations that wait for their bundle.

use super::{BundlerError, UserOperation};
use crate::chain::Chain;
use alloy::primitives::{B256, U128, map::HashSet};

/// Most operations that wait.
const CAPACITY: usize = 4_096;
/// Most operations of one bundle.
const BUNDLE: usize = 32;
/// Most gas that the operations of one bundle offer together.
const BUNDLE_GAS: u64 = 30_000_000;

/// A waiting operation.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its hash.
    pub hash: B256,
    /// The operation.
    pub op: UserOperation,
    /// The transaction that carries it and waits itself.
    pub sent: Option<B256>,
}

/// All waiting operations, the oldest first.
#[derive(Debug, Default)]
pub struct OperationPool {
    entries: Vec<Entry>,
    /// Whether bundles are made only on request.
    pub manual: bool,
}

impl OperationPool {
    /// Lets an operation wait; it replaces one with the same nonce if both fees are a tenth higher.
    pub fn add(&mut self, hash: B256, op: UserOperation) -> Result<(), BundlerError> {
        let wrong = |text: &str| Err(BundlerError::Invalid(text.to_owned()));
        if self.get(&hash).is_some() {
            return wrong("already known");
        }
        let same = |entry: &Entry| entry.op.sender == op.sender && entry.op.nonce == op.nonce;
        if let Some(index) = self.entries.iter().position(same) {
            let raised =
                |new: U128, old: U128| new >= old.saturating_add(old.div_ceil(U128::from(10)));
            let old = &self.entries[index];
            if old.sent.is_some() {
                return wrong("an operation with this nonce is being mined");
            }
            if !raised(op.max_fee_per_gas, old.op.max_fee_per_gas)
                || !raised(op.max_priority_fee_per_gas, old.op.max_priority_fee_per_gas)
            {
                return wrong("replacement operation underpriced: raise both fees by a tenth");
            }
            self.entries.remove(index);
        } else if self.entries.len() >= CAPACITY {
            return wrong("too many operations wait");
        }
        self.entries.push(Entry { hash, op, sent: None });
        Ok(())
    }

    /// A waiting operation.
    pub fn get(&self, hash: &B256) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.hash == *hash)
    }

    /// Every waiting operation.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The operations of the next bundle, at most one of each sender.
    pub fn next(&self) -> Vec<Entry> {
        let (mut senders, mut gas) = (HashSet::<_>::default(), 0_u64);
        let mut bundle = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.sent.is_none()) {
            let more = gas.saturating_add(entry.op.gas().saturating_to());
            if bundle.len() < BUNDLE && more <= BUNDLE_GAS && senders.insert(entry.op.sender) {
                gas = more;
                bundle.push(entry.clone());
            }
        }
        bundle
    }

    /// Notes which transaction carries an operation.
    pub fn mark_sent(&mut self, hash: &B256, tx: B256) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.hash == *hash) {
            entry.sent = Some(tx);
        }
    }

    /// Forgets an operation.
    pub fn remove(&mut self, hash: &B256) {
        self.entries.retain(|entry| entry.hash != *hash);
    }

    /// Forgets all operations.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Forgets what is mined, and lets wait again what left the pool of transactions unmined.
    pub fn settle(&mut self, chain: &Chain) {
        self.entries.retain(|entry| entry.sent.is_none_or(|tx| chain.find_tx(&tx).is_none()));
        for entry in &mut self.entries {
            entry.sent = entry.sent.filter(|tx| chain.find_waiting(tx).is_some());
        }
    }
}

//! Transactions that wait for a block: one queue per sender, served in the order of arrival.

use crate::config::Order;
use crate::tx::Tx;
use alloy::consensus::Transaction;
use alloy::primitives::{Address, B256, map::HashMap};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Most transactions that may wait at once.
const CAPACITY: usize = 16_384;

/// Why a transaction may not wait.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PoolError {
    /// The same transaction waits already.
    #[error("already known")]
    Known,
    /// Another one with this nonce waits, and the new one pays less than 10 % more.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// No room.
    #[error("txpool is full: {CAPACITY} transactions wait")]
    Full,
}

#[derive(Debug, Clone)]
struct Entry {
    tx: Tx,
    arrival: u64,
}

/// The waiting transactions.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    senders: HashMap<Address, BTreeMap<u64, Entry>>,
    known: HashMap<B256, (Address, u64)>,
    arrivals: u64,
    order: Order,
}

impl Pool {
    /// An empty pool.
    pub fn new(order: Order) -> Self {
        Self { order, ..Self::default() }
    }

    /// Lets a transaction wait; it replaces a cheaper one with the same nonce.
    pub fn add(&mut self, tx: Tx) -> Result<(), PoolError> {
        if self.known.contains_key(&tx.hash()) {
            return Err(PoolError::Known);
        }
        let (sender, nonce) = (tx.sender(), tx.nonce());
        if let Some(old) = self.senders.get(&sender).and_then(|queue| queue.get(&nonce)) {
            let (old_hash, old) = (old.tx.hash(), old.tx.envelope());
            let new = tx.envelope();
            let raised = |new: u128, old: u128| new >= old.saturating_add(old.div_ceil(10));
            let tip =
                |tx: &alloy::consensus::TxEnvelope| tx.max_priority_fee_per_gas().unwrap_or(0);
            if !raised(new.max_fee_per_gas(), old.max_fee_per_gas()) || tip(new) < tip(old) {
                return Err(PoolError::Underpriced);
            }
            self.known.remove(&old_hash);
        } else if self.known.len() >= CAPACITY {
            return Err(PoolError::Full);
        }
        self.known.insert(tx.hash(), (sender, nonce));
        self.arrivals += 1;
        let entry = Entry { tx, arrival: self.arrivals };
        self.senders.entry(sender).or_default().insert(nonce, entry);
        Ok(())
    }

    /// The transaction that comes first among those whose turn it is.
    pub fn next(&self, nonce_of: impl Fn(Address) -> u64) -> Option<Tx> {
        self.senders
            .iter()
            .filter_map(|(sender, queue)| queue.get(&nonce_of(*sender)))
            .min_by_key(|entry| (self.rank(entry), entry.arrival))
            .map(|entry| entry.tx.clone())
    }

    /// The lower, the earlier.
    fn rank(&self, entry: &Entry) -> Reverse<u128> {
        match self.order {
            Order::Fifo => Reverse(0),
            Order::Fees => Reverse(entry.tx.envelope().max_fee_per_gas()),
        }
    }

    /// The nonce after the sender's unbroken run of waiting transactions.
    pub fn pending_nonce(&self, sender: Address, mut nonce: u64) -> u64 {
        if let Some(queue) = self.senders.get(&sender) {
            while queue.contains_key(&nonce) {
                nonce += 1;
            }
        }
        nonce
    }

    /// A waiting transaction.
    pub fn get(&self, hash: &B256) -> Option<&Tx> {
        let (sender, nonce) = self.known.get(hash)?;
        self.senders.get(sender)?.get(nonce).map(|entry| &entry.tx)
    }

    /// Takes a transaction out.
    pub fn remove(&mut self, hash: &B256) -> Option<Tx> {
        let (sender, nonce) = self.known.remove(hash)?;
        let queue = self.senders.get_mut(&sender)?;
        let entry = queue.remove(&nonce);
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
        entry.map(|entry| entry.tx)
    }

    /// Takes everything of one sender out.
    pub fn remove_sender(&mut self, sender: Address) {
        for (_, entry) in self.senders.remove(&sender).unwrap_or_default() {
            self.known.remove(&entry.tx.hash());
        }
    }

    /// Takes out what can never be mined because its nonce is used.
    pub fn prune(&mut self, sender: Address, nonce: u64) {
        let Some(queue) = self.senders.get_mut(&sender) else { return };
        let keep = queue.split_off(&nonce);
        for (_, entry) in std::mem::replace(queue, keep) {
            self.known.remove(&entry.tx.hash());
        }
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
    }

    /// Every waiting transaction in the order of arrival.
    pub fn in_order(&self) -> Vec<Tx> {
        let mut entries: Vec<_> = self.senders.values().flat_map(BTreeMap::values).collect();
        entries.sort_unstable_by_key(|entry| entry.arrival);
        entries.into_iter().map(|entry| entry.tx.clone()).collect()
    }

    /// Every waiting transaction, with whether its turn can come without further ones.
    pub fn all(&self, nonce_of: impl Fn(Address) -> u64) -> Vec<(Tx, bool)> {
        let mut all = Vec::with_capacity(self.known.len());
        for (sender, queue) in &self.senders {
            let reach = self.pending_nonce(*sender, nonce_of(*sender));
            all.extend(queue.iter().map(|(nonce, entry)| (entry.tx.clone(), *nonce < reach)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::address;
    use alloy::rpc::types::TransactionRequest;

    const WHO: Address = address!("00000000000000000000000000000000000000aa");

    fn tx(sender: Address, nonce: u64, fee: u128) -> Tx {
        let request = TransactionRequest::default()
            .to(Address::ZERO)
            .nonce(nonce)
            .gas_limit(21_000)
            .max_fee_per_gas(fee)
            .max_priority_fee_per_gas(0);
        let request = TransactionRequest { chain_id: Some(1), ..request };
        Tx::impersonate(request, sender).unwrap()
    }

    #[test]
    fn a_gap_in_the_nonces_holds_later_ones_back() {
        let mut pool = Pool::default();
        pool.add(tx(WHO, 1, 100)).unwrap();
        assert!(pool.next(|_| 0).is_none());
        assert_eq!(pool.pending_nonce(WHO, 0), 0);
        pool.add(tx(WHO, 0, 100)).unwrap();
        assert_eq!(pool.next(|_| 0).unwrap().nonce(), 0);
        assert_eq!(pool.pending_nonce(WHO, 0), 2);
    }

    #[test]
    fn a_replacement_must_pay_a_tenth_more() {
        let mut pool = Pool::default();
        pool.add(tx(WHO, 0, 100)).unwrap();
        assert_eq!(pool.add(tx(WHO, 0, 100)), Err(PoolError::Known));
        assert_eq!(pool.add(tx(WHO, 0, 109)), Err(PoolError::Underpriced));
        pool.add(tx(WHO, 0, 110)).unwrap();
        assert_eq!(pool.all(|_| 0).len(), 1);
        assert_eq!(pool.next(|_| 0).unwrap().envelope().max_fee_per_gas(), 110);
    }

    #[test]
    fn the_best_offer_is_served_first_if_that_is_the_order() {
        let other = address!("00000000000000000000000000000000000000bb");
        let mut pool = Pool::new(Order::Fees);
        pool.add(tx(other, 0, 1)).unwrap();
        pool.add(tx(WHO, 0, 2)).unwrap();
        pool.add(tx(WHO, 1, 1)).unwrap();
        for (sender, nonces) in [(WHO, [0, 0]), (other, [1, 0]), (WHO, [1, 1])] {
            let first = pool.next(|who| nonces[usize::from(who == other)]).unwrap();
            assert_eq!(first.sender(), sender);
            pool.remove(&first.hash());
        }
    }

    #[test]
    fn senders_are_served_in_order_of_arrival() {
        let other = address!("00000000000000000000000000000000000000bb");
        let mut pool = Pool::default();
        pool.add(tx(other, 0, 1)).unwrap();
        pool.add(tx(WHO, 0, 1_000)).unwrap();
        let first = pool.next(|_| 0).unwrap();
        assert_eq!(first.sender(), other);
        pool.remove(&first.hash());
        assert_eq!(pool.next(|_| 0).unwrap().sender(), WHO);
        pool.prune(WHO, 1);
        assert!(pool.all(|_| 0).is_empty());
    }
}

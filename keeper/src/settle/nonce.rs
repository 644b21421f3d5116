//! The bundler's next nonce: the store's knowledge against the node's word.
//!
//! A count that the stored bundles explain is believed at once. Any other may be the one wrong
//! answer of a node, so it is believed only once it persists:
//!
//! * a count above, or a nonce that no transaction of ours used: somebody else used it,
//! * a count below: the chain went back further than bundles are followed,
//! * a nonce free below an open bundle: a gap, filled with the operations that wait behind it.

use std::time::{Duration, Instant};

use crate::store::Ledger;

/// Equal answers after which an unexpected count may be believed.
const AGREEING: u32 = 4;
/// Blocks that pass meanwhile, where the chain grows.
const BLOCKS: u64 = 2;
/// Time that passes meanwhile, where it does not.
const PATIENCE: Duration = Duration::from_secs(3);

/// A count that nothing explains, for as long as the node repeats it.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    count: u64,
    answers: u32,
    block: u64,
    since: Instant,
}

/// The memory of what the node said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NonceWatch {
    believed: Option<u64>,
    doubt: Option<Doubt>,
}

impl NonceWatch {
    /// Returns whether the stored bundles explain the node's count.
    pub(super) fn expects(&self, count: u64, ledger: &Ledger) -> bool {
        let lowest = self.lowest(ledger);
        let stored = |nonce: u64| {
            let here = |bundle: &crate::store::StoredBundle| bundle.nonce == nonce;
            ledger.open.iter().any(here) || ledger.shelved.iter().any(here)
        };
        let mut highest = lowest;
        while stored(highest) {
            highest += 1;
        }
        (lowest..=highest).contains(&count)
    }

    /// Takes a count that is explained.
    pub(super) fn accept(&mut self, count: u64) {
        *self = Self { believed: Some(count), doubt: None };
    }

    /// Weighs a count that nothing explains; true once it has persisted, and then it is believed.
    pub(super) fn persists(&mut self, count: u64, block: u64, now: Instant) -> bool {
        let doubt = match self.doubt {
            Some(doubt) if doubt.count == count => {
                Doubt { answers: doubt.answers.saturating_add(1), ..doubt }
            }
            _ => Doubt { count, answers: 1, block, since: now },
        };
        self.doubt = Some(doubt);
        let waited = block >= doubt.block.saturating_add(BLOCKS)
            || now.duration_since(doubt.since) >= PATIENCE;
        if doubt.answers < AGREEING || !waited {
            return false;
        }
        self.accept(count);
        true
    }

    fn lowest(&self, ledger: &Ledger) -> u64 {
        let after_used = ledger.used.map(|nonce| nonce + 1);
        let stored = ledger.open.first().map(|bundle| bundle.nonce);
        // A nonce that an open bundle has was not used, whatever was believed before.
        let believed = self.believed.filter(|count| stored.is_none_or(|open| open >= *count));
        let known = believed.max(after_used);
        known.or(stored).unwrap_or(0)
    }
}

/// Free nonces from `count` on: up to `most`, and none beyond `count + window`.
///
/// The first of them is a gap if an open bundle lies above it.
pub(super) fn free_nonces(count: u64, window: u64, most: usize, ledger: &Ledger) -> Vec<u64> {
    let taken = |nonce: &u64| ledger.open.iter().any(|bundle| bundle.nonce == *nonce);
    let free = (count..count.saturating_add(window)).filter(|nonce| !taken(nonce));
    free.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BundleStatus, Fees, StoredBundle};

    fn bundle(nonce: u64) -> StoredBundle {
        let plan = Fees { gas_limit: 1, max_fee_per_gas: 1, max_priority_fee_per_gas: 0 };
        let status = BundleStatus::Open;
        StoredBundle { id: nonce, nonce, status, ops: vec![], plan, txs: vec![], signed_at: 0 }
    }

    fn ledger(used: Option<u64>, open: &[u64]) -> Ledger {
        let open = open.iter().map(|nonce| bundle(*nonce)).collect();
        Ledger { open, used, ..Ledger::default() }
    }

    #[test]
    fn the_stored_bundles_explain_every_count_from_used_to_sent_and_no_other() {
        let watch = NonceWatch::default();
        let three = ledger(Some(4), &[5, 6, 7]);
        let expected: Vec<_> = (0..12).filter(|count| watch.expects(*count, &three)).collect();
        assert_eq!(expected, [5, 6, 7, 8]);
        let nothing = ledger(None, &[]);
        assert!(watch.expects(0, &nothing) && !watch.expects(3, &nothing));
        // A bundle beyond a gap explains nothing below it, nor itself.
        let gap = ledger(Some(1), &[5]);
        let expected: Vec<_> = (0..12).filter(|count| watch.expects(*count, &gap)).collect();
        assert_eq!(expected, [2]);
    }

    #[test]
    fn one_wrong_answer_is_never_believed() {
        let mut watch = NonceWatch::default();
        let now = Instant::now();
        for round in 0..50 {
            let later = now + Duration::from_secs(round);
            assert!(!watch.persists(3, round, later), "it was said once, {round} rounds ago");
            watch.accept(0);
        }
        // Nor are answers that contradict each other.
        for round in 0..50 {
            assert!(!watch.persists(round % 2, round, now + Duration::from_secs(round)));
        }
    }

    #[test]
    fn what_persists_is_believed_with_new_blocks_or_after_a_while() {
        let now = Instant::now();
        let mut growing = NonceWatch::default();
        let said = (0..6).map(|round| growing.persists(3, round, now)).collect::<Vec<_>>();
        assert_eq!(said[..4], [false, false, false, true]);
        assert!(growing.expects(3, &ledger(None, &[])));

        let mut quiet = NonceWatch::default();
        let at = |millis: u64| now + Duration::from_millis(millis);
        assert!((0..10).all(|round| !quiet.persists(3, 7, at(round * 100))));
        assert!(quiet.persists(3, 7, at(3000)));
    }

    #[test]
    fn new_bundles_take_the_lowest_free_nonces_within_the_window() {
        assert_eq!(free_nonces(2, 16, 3, &ledger(Some(1), &[])), [2, 3, 4]);
        assert_eq!(free_nonces(2, 16, 3, &ledger(Some(1), &[2, 3])), [4, 5, 6]);
        assert_eq!(free_nonces(2, 4, 3, &ledger(Some(1), &[2, 3])), [4, 5]);
        assert_eq!(free_nonces(2, 4, 3, &ledger(Some(1), &[4])), [2, 3, 5]);
    }
}

//! Hashes of short keys, remembered: the same addresses and slots are looked up again and again,
//! and each look-up in a trie begins with their hash.

use alloy::primitives::{B256, keccak256};
use std::cell::RefCell;

/// Longest key that is remembered, in bytes.
const LONGEST: usize = 64;
/// Keys that each thread remembers; a power of two.
const PLACES: usize = 2_048;

#[derive(Clone)]
struct Entry {
    length: u8,
    key: [u8; LONGEST],
    hash: B256,
}

const NOTHING: Entry = Entry { length: u8::MAX, key: [0; LONGEST], hash: B256::ZERO };

thread_local! {
    static KNOWN: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// keccak256 of `key`.
pub fn hash(key: &[u8]) -> B256 {
    let Ok(length) = u8::try_from(key.len()) else { return keccak256(key) };
    if key.len() > LONGEST {
        return keccak256(key);
    }
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.resize(PLACES, NOTHING);
        }
        let entry = &mut known[place(key)];
        if entry.length != length || entry.key[..key.len()] != *key {
            entry.length = length;
            entry.key[..key.len()].copy_from_slice(key);
            entry.hash = keccak256(key);
        }
        entry.hash
    })
}

/// Where a key is kept: each has one place, which it shares with others.
fn place(key: &[u8]) -> usize {
    let mixed = key.chunks(8).fold(key.len() as u64, |mixed, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (mixed.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (mixed >> 32) as usize & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_keccak_whatever_was_asked_before(
            keys in prop::collection::vec(prop::collection::vec(0u8..3, 0..70), 1..200)
        ) {
            for key in keys.iter().chain(&keys) {
                prop_assert_eq!(hash(key), keccak256(key));
            }
        }

        #[test]
        fn so_it_is_for_many_keys_that_share_places(seed: u64) {
            for n in 0..5_000u64 {
                let key = (seed.wrapping_add(n % 4_000)).to_be_bytes();
                prop_assert_eq!(hash(&key), keccak256(key));
            }
        }
    }
}

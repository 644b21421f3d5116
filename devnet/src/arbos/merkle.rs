//! The Merkle tree of messages to the parent chain. Only the roots of its full subtrees are
//! stored, so appending touches one slot a level.

use revm::primitives::{B256, keccak256};

use super::{
    space::{Space, id},
    world::{Slots, StateError},
};

/// Field of the number of leaves; the subtree roots follow from field 2, by level.
const SIZE: u64 = 0;
const PARTIALS: u64 = 2;

/// A node that an append completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves.
    pub level: u64,
    /// Index of the leaf that completed it.
    pub leaf: u64,
    /// Its hash.
    pub hash: B256,
}

fn space() -> Space {
    Space::root().sub(id::SEND_MERKLE)
}

/// Bits of a number: how many levels a tree of that size has.
const fn levels(size: u64) -> u64 {
    (u64::BITS - size.leading_zeros()) as u64
}

/// Hash of a pair of nodes.
#[must_use]
pub fn pair(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

/// How many messages there are.
///
/// # Errors
/// When state cannot be read.
pub fn size(slots: &mut dyn Slots) -> Result<u64, StateError> {
    Ok(slots.slot(space().field(SIZE))?.saturating_to())
}

/// Roots of the full subtrees by level; zero where there is none.
///
/// # Errors
/// When state cannot be read.
pub fn partials(slots: &mut dyn Slots) -> Result<Vec<B256>, StateError> {
    (0..levels(size(slots)?))
        .map(|level| Ok(slots.slot(space().field(PARTIALS + level))?.into()))
        .collect()
}

/// Root of the tree, padded with zeros on the right; zero when it is empty.
#[must_use]
pub fn root(partials: &[B256]) -> B256 {
    let mut so_far: Option<(B256, usize)> = None;
    for (level, partial) in partials.iter().enumerate().filter(|(_, node)| !node.is_zero()) {
        so_far = Some(match so_far {
            None => (*partial, level),
            Some((hash, height)) => {
                let hash = (height..level).fold(hash, |hash, _| pair(hash, B256::ZERO));
                (pair(*partial, hash), level + 1)
            }
        });
    }
    so_far.map_or(B256::ZERO, |(hash, _)| hash)
}

/// Appends a message's hash and returns the nodes that this completed, lowest first.
///
/// # Errors
/// When state cannot be read or written.
pub fn append(slots: &mut dyn Slots, item: B256) -> Result<Vec<Node>, StateError> {
    let leaf = size(slots)?;
    slots.set_slot(space().field(SIZE), revm::primitives::U256::from(leaf + 1))?;
    let mut nodes = Vec::new();
    let mut hash = keccak256(item);
    for level in 0.. {
        let slot = space().field(PARTIALS + level);
        let sibling = if level < levels(leaf) { slots.slot(slot)?.into() } else { B256::ZERO };
        if sibling.is_zero() {
            slots.set_slot(slot, hash.into())?;
            break;
        }
        hash = pair(sibling, hash);
        slots.set_slot(slot, revm::primitives::U256::ZERO)?;
        nodes.push(Node { level: level + 1, leaf, hash });
    }
    Ok(nodes)
}

/// Whether appending to a tree of this size reads the slot of its last level: a tree whose size
/// is one below a power of two grows a level, which is not looked up.
#[must_use]
pub const fn looks_up_last(leaf: u64, completed: u64) -> bool {
    completed < levels(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::genesis::MapSlots;

    /// The root by its definition: leaves hashed, padded to a power of two with zeros, halved.
    fn by_definition(items: &[B256]) -> B256 {
        let mut row: Vec<_> = items.iter().map(keccak256).collect();
        let mut first = true;
        while row.len() > 1 || first {
            first = false;
            if row.len() == 1 {
                break;
            }
            row = row
                .chunks(2)
                .map(|both| pair(both[0], both.get(1).copied().unwrap_or_default()))
                .collect();
        }
        row.first().copied().unwrap_or_default()
    }

    #[test]
    fn the_root_is_that_of_the_whole_tree() {
        let mut slots = MapSlots::default();
        let mut items = Vec::new();
        for count in 0..20u8 {
            assert_eq!(size(&mut slots).unwrap(), u64::from(count));
            assert_eq!(root(&partials(&mut slots).unwrap()), by_definition(&items), "{count}");
            let item = B256::repeat_byte(count + 1);
            let nodes = append(&mut slots, item).unwrap();
            items.push(item);
            assert_eq!(nodes.len(), count.trailing_ones() as usize);
            assert!(nodes.iter().all(|node| node.leaf == u64::from(count)));
        }
    }
}

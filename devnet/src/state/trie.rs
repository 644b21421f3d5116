//! A persistent Merkle-Patricia trie: cloning is free, changed paths are copied, hashes are cached.

use alloy::primitives::{B256, Bytes, map::HashSet};
use alloy::rlp::EMPTY_STRING_CODE;
use alloy::trie::nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode};
use alloy::trie::{EMPTY_ROOT_HASH, Nibbles, TrieMask};
use std::sync::{Arc, OnceLock};

mod diff;

/// What a leaf holds and how it is encoded for hashing.
pub trait TrieValue: Clone {
    /// Appends the leaf's RLP value.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A map from 32-byte hashed keys to values whose root is the Ethereum trie root.
#[derive(Debug, Clone)]
pub struct Trie<V> {
    root: Option<Arc<Node<V>>>,
}

#[derive(Debug, Clone)]
struct Node<V> {
    kind: Kind<V>,
    /// The node as its parent refers to it; empty again after a change.
    cached: OnceLock<RlpNode>,
}

#[derive(Debug, Clone)]
enum Kind<V> {
    Leaf(Nibbles, V),
    Extension(Nibbles, Arc<Node<V>>),
    Branch(Box<[Option<Arc<Node<V>>>; 16]>),
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: TrieValue> Trie<V> {
    /// The value stored under a hashed key.
    pub fn get(&self, key: &B256) -> Option<&V> {
        let path = Nibbles::unpack_array(&key.0);
        let (mut node, mut at) = (self.root.as_deref()?, 0);
        loop {
            match &node.kind {
                Kind::Leaf(rest, value) => return (path.slice(at..) == *rest).then_some(value),
                Kind::Extension(shared, child) => {
                    if !path.slice(at..).starts_with(shared) {
                        return None;
                    }
                    at += shared.len();
                    node = child;
                }
                Kind::Branch(children) => {
                    node = children[usize::from(path.get(at)?)].as_deref()?;
                    at += 1;
                }
            }
        }
    }

    /// Stores a value.
    pub fn insert(&mut self, key: &B256, value: V) {
        let path = Nibbles::unpack_array(&key.0);
        match &mut self.root {
            Some(root) => insert(root, path, value),
            None => self.root = Some(leaf(path, value)),
        }
    }

    /// Removes a key; absent keys are no error.
    pub fn remove(&mut self, key: &B256) {
        if self.get(key).is_none() {
            return;
        }
        if let Some(root) = self.root.take() {
            self.root = remove(root, Nibbles::unpack_array(&key.0));
        }
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The Merkle root.
    pub fn root(&self) -> B256 {
        let Some(node) = &self.root else { return EMPTY_ROOT_HASH };
        let mut raw = Vec::new();
        node.reference()
            .as_hash()
            .unwrap_or_else(|| alloy::primitives::keccak256(node.encode(&mut raw)))
    }

    /// Calls `visit` for every value in the order of the hashed keys.
    pub fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a V)) {
        if let Some(root) = &self.root {
            root.for_each(visit);
        }
    }

    /// The encoded nodes on the way to `key`: a proof of its value or of its absence.
    pub fn proof(&self, key: &B256) -> Vec<Bytes> {
        let path = Nibbles::unpack_array(&key.0);
        let (mut next, mut at, mut nodes) = (self.root.as_deref(), 0, Vec::new());
        let mut seen = HashSet::<Bytes>::default();
        while let Some(node) = next {
            let mut raw = Vec::new();
            node.encode(&mut raw);
            let raw = Bytes::from(raw);
            if (nodes.is_empty() || raw.len() >= 32) && seen.insert(raw.clone()) {
                nodes.push(raw);
            }
            next = match &node.kind {
                Kind::Leaf(..) => None,
                Kind::Extension(shared, child) => {
                    let follows = path.slice(at..).starts_with(shared);
                    at += shared.len();
                    follows.then_some(child.as_ref())
                }
                Kind::Branch(children) => {
                    let child = path.get(at).and_then(|n| children[usize::from(n)].as_deref());
                    at += 1;
                    child
                }
            };
        }
        nodes
    }
}

impl<V: TrieValue> Node<V> {
    fn new(kind: Kind<V>) -> Arc<Self> {
        Arc::new(Self { kind, cached: OnceLock::new() })
    }

    fn reference(&self) -> &RlpNode {
        self.cached.get_or_init(|| {
            let mut raw = Vec::with_capacity(128);
            RlpNode::from_rlp(self.encode(&mut raw))
        })
    }

    fn encode<'a>(&self, raw: &'a mut Vec<u8>) -> &'a [u8] {
        match &self.kind {
            Kind::Leaf(path, value) => {
                let mut encoded = Vec::with_capacity(80);
                value.encode(&mut encoded);
                LeafNodeRef::new(path, &encoded).rlp(raw);
            }
            Kind::Extension(path, child) => {
                ExtensionNodeRef::new(path, child.reference()).rlp(raw);
            }
            Kind::Branch(children) => {
                let mut mask = TrieMask::default();
                let mut stack = Vec::with_capacity(16);
                for (nibble, child) in (0u8..).zip(children.iter()) {
                    if let Some(child) = child {
                        mask.set_bit(nibble);
                        stack.push(child.reference().clone());
                    }
                }
                BranchNodeRef::new(&stack, mask).rlp(raw);
            }
        }
        debug_assert_ne!(raw.first(), Some(&EMPTY_STRING_CODE));
        raw
    }

    fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a V)) {
        match &self.kind {
            Kind::Leaf(_, value) => visit(value),
            Kind::Extension(_, child) => child.for_each(visit),
            Kind::Branch(children) => {
                children.iter().flatten().for_each(|child| child.for_each(visit));
            }
        }
    }
}

fn leaf<V: TrieValue>(path: Nibbles, value: V) -> Arc<Node<V>> {
    Node::new(Kind::Leaf(path, value))
}

/// An extension, or the child itself when there is nothing to extend.
fn extend<V: TrieValue>(path: Nibbles, child: Arc<Node<V>>) -> Arc<Node<V>> {
    if path.is_empty() { child } else { Node::new(Kind::Extension(path, child)) }
}

fn no_children<V>() -> Box<[Option<Arc<Node<V>>>; 16]> {
    Box::new(std::array::from_fn(|_| None))
}

fn insert<V: TrieValue>(slot: &mut Arc<Node<V>>, path: Nibbles, value: V) {
    let node = Arc::make_mut(slot);
    node.cached = OnceLock::new();
    match &mut node.kind {
        Kind::Leaf(rest, old) if *rest == path => *old = value,
        Kind::Leaf(rest, old) => {
            let shared = rest.common_prefix_length(&path);
            let kept = leaf(rest.slice(shared + 1..), old.clone());
            let mut children = no_children();
            children[usize::from(rest.get_unchecked(shared))] = Some(kept);
            children[usize::from(path.get_unchecked(shared))] =
                Some(leaf(path.slice(shared + 1..), value));
            *slot = extend(path.slice(..shared), Node::new(Kind::Branch(children)));
        }
        Kind::Extension(shared, child) if path.starts_with(shared) => {
            insert(child, path.slice(shared.len()..), value);
        }
        Kind::Extension(shared, child) => {
            let common = shared.common_prefix_length(&path);
            let mut children = no_children();
            children[usize::from(shared.get_unchecked(common))] =
                Some(extend(shared.slice(common + 1..), child.clone()));
            children[usize::from(path.get_unchecked(common))] =
                Some(leaf(path.slice(common + 1..), value));
            *slot = extend(path.slice(..common), Node::new(Kind::Branch(children)));
        }
        Kind::Branch(children) => {
            let rest = path.slice(1..);
            match &mut children[usize::from(path.get_unchecked(0))] {
                Some(child) => insert(child, rest, value),
                empty => *empty = Some(leaf(rest, value)),
            }
        }
    }
}

/// Removes a key known to be present and returns what is left of the node.
fn remove<V: TrieValue>(node: Arc<Node<V>>, path: Nibbles) -> Option<Arc<Node<V>>> {
    match Arc::unwrap_or_clone(node).kind {
        Kind::Leaf(..) => None,
        Kind::Extension(shared, child) => {
            let rest = path.slice(shared.len()..);
            remove(child, rest).map(|child| prepend(shared, child))
        }
        Kind::Branch(mut children) => {
            let slot = &mut children[usize::from(path.get_unchecked(0))];
            *slot = slot.take().and_then(|child| remove(child, path.slice(1..)));
            let mut left = (0u8..).zip(children.iter()).filter(|(_, child)| child.is_some());
            let (Some((nibble, Some(child))), None) = (left.next(), left.next()) else {
                return Some(Node::new(Kind::Branch(children)));
            };
            Some(prepend(Nibbles::from_nibbles([nibble]), child.clone()))
        }
    }
}

/// Puts a path in front of a node, merging it with the path that the node already has.
fn prepend<V: TrieValue>(path: Nibbles, node: Arc<Node<V>>) -> Arc<Node<V>> {
    match &node.kind {
        Kind::Leaf(rest, value) => leaf(path.join(rest), value.clone()),
        Kind::Extension(rest, child) => Node::new(Kind::Extension(path.join(rest), child.clone())),
        Kind::Branch(_) => Node::new(Kind::Extension(path, node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::keccak256;
    use alloy::trie::proof::verify_proof;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq)]
    struct Raw(Vec<u8>);

    impl TrieValue for Raw {
        fn encode(&self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.0);
        }
    }

    fn reference_root(map: &BTreeMap<B256, Vec<u8>>) -> B256 {
        let mut builder = alloy::trie::HashBuilder::default();
        for (key, value) in map {
            builder.add_leaf(Nibbles::unpack(key), value);
        }
        builder.root()
    }

    /// Keys that share long prefixes as well as keys that share nothing.
    fn key(n: u16) -> B256 {
        let mut key = if n.is_multiple_of(3) { B256::ZERO } else { keccak256(n.to_be_bytes()) };
        key[30..].copy_from_slice(&n.to_be_bytes());
        key
    }

    proptest! {
        #[test]
        fn root_equals_the_reference_after_any_changes(
            changes in prop::collection::vec((0u16..400, prop::option::of(1u8..=255)), 1..300)
        ) {
            let (mut trie, mut map) = (Trie::default(), BTreeMap::new());
            let mut old = Vec::new();
            for (n, value) in changes {
                let key = key(n);
                match value {
                    Some(v) => {
                        let bytes = vec![v; 1 + usize::from(v) % 50];
                        trie.insert(&key, Raw(bytes.clone()));
                        map.insert(key, bytes);
                    }
                    None => { trie.remove(&key); map.remove(&key); }
                }
                if n.is_multiple_of(16) { old.push((trie.clone(), map.clone())); }
            }
            old.push((trie, map));
            for (trie, map) in old {
                prop_assert_eq!(trie.root(), reference_root(&map));
                for n in 0..400 {
                    let key = key(n);
                    prop_assert_eq!(trie.get(&key).map(|v| &v.0), map.get(&key));
                }
                let key = key(7);
                let nodes = trie.proof(&key);
                let value = map.get(&key).cloned();
                prop_assert!(verify_proof(trie.root(), Nibbles::unpack(key), value, &nodes).is_ok());
            }
        }
    }
}

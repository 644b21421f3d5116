//! What differs between two versions of a trie; parts that they share are not looked at.

use super::{Kind, Node, Trie, TrieValue};
use std::sync::Arc;

/// Values that only the older or only the newer version holds. A value whose surroundings changed
/// may stand in both lists unchanged.
#[derive(Debug)]
pub struct Difference<'a, V> {
    /// Values of the older version.
    pub old: Vec<&'a V>,
    /// Values of the newer version.
    pub new: Vec<&'a V>,
}

impl<V: TrieValue> Trie<V> {
    /// What has changed since `older`.
    pub fn since<'a>(&'a self, older: &'a Self) -> Difference<'a, V> {
        let mut difference = Difference { old: Vec::new(), new: Vec::new() };
        compare(older.root.as_ref(), self.root.as_ref(), &mut difference);
        difference
    }
}

type Child<'a, V> = Option<&'a Arc<Node<V>>>;

fn compare<'a, V: TrieValue>(old: Child<'a, V>, new: Child<'a, V>, out: &mut Difference<'a, V>) {
    if let (Some(old), Some(new)) = (old, new) {
        if Arc::ptr_eq(old, new) {
            return;
        }
        match (&old.kind, &new.kind) {
            (Kind::Branch(old), Kind::Branch(new)) => {
                for (old, new) in old.iter().zip(new.iter()) {
                    compare(old.as_ref(), new.as_ref(), out);
                }
                return;
            }
            (Kind::Extension(path, old), Kind::Extension(other, new)) if path == other => {
                return compare(Some(old), Some(new), out);
            }
            _ => {}
        }
    }
    if let Some(old) = old {
        old.for_each(&mut |value| out.old.push(value));
    }
    if let Some(new) = new {
        new.for_each(&mut |value| out.new.push(value));
    }
}

//! The programs a block has run lately (ArbOS 60): they start at the cached price.

use std::collections::VecDeque;

use revm::primitives::B256;

/// Code hashes, the most recent last.
#[derive(Clone, Debug, Default)]
pub struct RecentPrograms(VecDeque<B256>);

impl RecentPrograms {
    /// Moves a program to the front and tells whether it was there; keeps at most `size`.
    pub fn touch(&mut self, codehash: B256, size: u16) -> bool {
        let place = self.0.iter().position(|known| *known == codehash);
        if let Some(place) = place {
            self.0.remove(place);
        }
        self.0.push_back(codehash);
        while self.0.len() > usize::from(size.max(1)) {
            self.0.pop_front();
        }
        place.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recent_program_falls_out() {
        let hash = |n| B256::with_last_byte(n);
        let mut recent = RecentPrograms::default();
        assert!(!recent.touch(hash(1), 2));
        assert!(!recent.touch(hash(2), 2));
        assert!(recent.touch(hash(1), 2));
        assert!(!recent.touch(hash(3), 2));
        assert!(!recent.touch(hash(2), 2));
        assert!(recent.touch(hash(2), 0));
        assert!(!recent.touch(hash(3), 0));
    }
}

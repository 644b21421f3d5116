//! The chain's time: the system's clock, shifted or pinned on request.

use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// Decides the timestamps of blocks. Seconds since the Unix epoch everywhere.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Clock {
    offset: i64,
    next: Option<u64>,
    interval: Option<u64>,
}

/// A timestamp before the latest block's was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("timestamp {asked} is before the latest block's {latest}")]
pub struct TimeError {
    asked: u64,
    latest: u64,
}

fn system() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Clock {
    /// A clock that shows `start` now, or the system's time.
    pub fn new(start: Option<u64>) -> Self {
        let mut clock = Self::default();
        if let Some(start) = start {
            clock.set(start);
        }
        clock
    }

    /// The present time.
    pub fn now(&self) -> u64 {
        system().saturating_add_signed(self.offset)
    }

    /// How far the clock is ahead of the system's, in seconds.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Sets the clock, which then runs on from there.
    pub fn set(&mut self, time: u64) {
        self.offset = i64::try_from(i128::from(time) - i128::from(system())).unwrap_or(i64::MAX);
    }

    /// Moves the clock forward and returns the whole offset.
    pub fn increase(&mut self, seconds: u64) -> i64 {
        self.offset = self.offset.saturating_add_unsigned(seconds);
        self.offset
    }

    /// Fixes the timestamp of the next block only; time runs on from there.
    pub fn set_next(&mut self, time: u64, latest: u64) -> Result<(), TimeError> {
        if time < latest {
            return Err(TimeError { asked: time, latest });
        }
        self.next = Some(time);
        Ok(())
    }

    /// Puts a fixed distance between blocks, or none.
    pub fn set_interval(&mut self, seconds: Option<u64>) -> bool {
        std::mem::replace(&mut self.interval, seconds).is_some()
    }

    /// The timestamp for a block after one with timestamp `parent`. Blocks may share a second.
    pub fn take(&mut self, parent: u64) -> u64 {
        if let Some(next) = self.next.take() {
            self.set(next);
            return next.max(parent);
        }
        match self.interval {
            Some(seconds) => parent.saturating_add(seconds),
            None => self.now().max(parent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_time_holds_for_one_block_and_time_runs_on_from_it() {
        let mut clock = Clock::new(Some(1_000));
        clock.set_next(5_000, 1_000).unwrap();
        assert_eq!(clock.take(1_000), 5_000);
        let after = clock.take(5_000);
        assert!((5_000..5_010).contains(&after), "{after}");
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::new(Some(1_000));
        assert_eq!(clock.take(9_000), 9_000);
        assert_eq!(clock.set_next(8_999, 9_000), Err(TimeError { asked: 8_999, latest: 9_000 }));
    }

    #[test]
    fn an_interval_sets_the_distance_between_blocks() {
        let mut clock = Clock::new(Some(1_000));
        clock.set_interval(Some(12));
        assert_eq!(clock.take(1_000), 1_012);
        assert!(clock.set_interval(None));
        assert!(!clock.set_interval(None));
    }
}

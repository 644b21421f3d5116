//! Jobs whose operation could not travel just now: others go first for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Pause of one job.
const REST: Duration = Duration::from_secs(3);

/// The resting jobs.
#[derive(Debug, Default)]
pub(super) struct Rests(Mutex<HashMap<u64, Instant>>);

impl Rests {
    /// Lets a job rest from now on.
    pub(super) fn begin(&self, job: u64) {
        self.0.lock().insert(job, Instant::now());
    }

    /// Returns the jobs that rest now, and forgets those that have rested.
    pub(super) fn resting(&self) -> Vec<u64> {
        let mut rests = self.0.lock();
        rests.retain(|_, since| since.elapsed() < REST);
        rests.keys().copied().collect()
    }
}

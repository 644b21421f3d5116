//! Mining at fixed intervals.

use crate::handle::Handle;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// The task that mines a block each interval, if there is one.
#[derive(Debug)]
pub struct Interval {
    handle: Handle,
    task: Mutex<Option<(Duration, JoinHandle<()>)>>,
}

impl Interval {
    /// No interval yet.
    pub fn new(handle: Handle) -> Self {
        Self { handle, task: Mutex::new(None) }
    }

    /// Mines every `period` from now on, or no longer.
    pub fn set(&self, period: Option<Duration>) {
        let task = period
            .filter(|period| !period.is_zero())
            .map(|period| (period, tokio::spawn(mine_every(self.handle.clone(), period))));
        if let Some((_, old)) = std::mem::replace(&mut *self.task.lock(), task) {
            old.abort();
        }
    }

    /// The interval, if there is one.
    pub fn period(&self) -> Option<Duration> {
        self.task.lock().as_ref().map(|(period, _)| *period)
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        if let Some((_, task)) = self.task.lock().take() {
            task.abort();
        }
    }
}

async fn mine_every(handle: Handle, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match handle.run(|chain| chain.mine().map(|_| ())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "no block was made this time"),
            Err(_) => return,
        }
    }
}

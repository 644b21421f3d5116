//! Keeping a file up to date with the chain.

use super::write;
use crate::chain::Chain;
use crate::error::Error;
use crate::handle::Handle;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Writes the chain to a file when asked, and at intervals.
#[derive(Debug)]
pub struct Keeper {
    writer: Writer,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Writer {
    handle: Handle,
    chain_id: u64,
    /// Locked while it is written to.
    path: Arc<Mutex<PathBuf>>,
}

impl Keeper {
    /// Writes to `path` every `period`, if one is given.
    pub fn start(handle: Handle, chain_id: u64, path: PathBuf, period: Option<Duration>) -> Self {
        let writer = Writer { handle, chain_id, path: Arc::new(Mutex::new(path)) };
        let task = period
            .filter(|period| !period.is_zero())
            .map(|period| tokio::spawn(write_every(writer.clone(), period)));
        Self { writer, task }
    }

    /// Writes now, after a write that has begun; none follows.
    pub async fn finish(mut self) -> Result<(), Error> {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.writer.write().await
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Writer {
    async fn write(&self) -> Result<(), Error> {
        let path = self.path.clone().lock_owned().await;
        let (moment, chain_id) =
            (self.handle.run(|chain| Chain::moment(chain)).await?, self.chain_id);
        tokio::task::spawn_blocking(move || write(&path, &moment, chain_id))
            .await
            .map_err(|_| Error::Stopped)?
    }
}

async fn write_every(writer: Writer, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match writer.write().await {
            Ok(()) => {}
            Err(Error::Stopped) => return,
            Err(error) => tracing::error!("{error}; it is tried again in {period:?}"),
        }
    }
}

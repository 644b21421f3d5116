//! Carrying an agent's log lines into the store while it runs.

use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::sandbox::LogLine;
use crate::store::{Store, StoreError};

/// Lines under way between engine and store; a faster agent waits.
pub(super) const INBOX: usize = 1024;
/// Most lines in one transaction.
const BATCH: usize = 1024;
/// How long a line may wait for company.
const DELAY: Duration = Duration::from_millis(50);

/// Stores the lines of a run until its sender is gone, leaving out those that an earlier
/// life of the keeper stored. Once the job has moved on none is stored any more: its number may be
/// another order's. Lines are a courtesy to watchers: if the disk refuses them the
/// run goes on, and the whole log is kept with the result.
pub(super) async fn carry(
    store: Store,
    (job, version): (u64, u64),
    attempt: u32,
    mut lines: mpsc::Receiver<LogLine>,
) {
    let mut known = store.log_lines(job, attempt).await.unwrap_or(0);
    while let Some(first) = lines.recv().await {
        let mut batch = vec![first];
        let until = Instant::now() + DELAY;
        while batch.len() < BATCH {
            match tokio::time::timeout_at(until, lines.recv()).await {
                Ok(Some(line)) => batch.push(line),
                Ok(None) | Err(_) => break,
            }
        }
        let skip = known.min(batch.len() as u64);
        known -= skip;
        let fresh: Vec<_> = batch.into_iter().skip(skip as usize).map(stamped).collect();
        if fresh.is_empty() {
            continue;
        }
        match store.append_log((job, version), attempt, fresh).await {
            Ok(()) => {}
            Err(error @ StoreError::Conflict { .. }) => {
                tracing::debug!(job, %error, "log lines of an outdated run were left out");
            }
            Err(error) => tracing::warn!(job, %error, "log lines were not stored"),
        }
    }
}

fn stamped(line: LogLine) -> (u64, String) {
    let at = line.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    (u64::try_from(at.as_millis()).unwrap_or(u64::MAX), line.text)
}

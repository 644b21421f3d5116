//! The signals that end a long-running command.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first interrupt, termination or hang-up.
pub fn stop() -> anyhow::Result<impl Future<Output = ()>> {
    let handler = |kind| signal(kind).context("installing a signal handler");
    let mut interrupt = handler(SignalKind::interrupt())?;
    let mut terminate = handler(SignalKind::terminate())?;
    let mut hang_up = handler(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

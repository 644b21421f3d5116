//! Looking at what the keeper needs even when no job needs it, and at what it left behind.

use std::time::{Duration, Instant};

use domain::job::{Kind, State};
use tokio_util::sync::CancellationToken;

use crate::health::Part;
use crate::pipeline::Context;
use crate::sandbox::SandboxError;
use crate::store::{Store, StoreError, now_millis};
use crate::waits::WaitOn;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Pause between two sweeps for containers without a job.
const SWEEP: Duration = Duration::from_secs(60);
/// Pause between two times of forgetting what ended long ago.
const FORGET: Duration = Duration::from_secs(3600);

/// Looks until told to stop.
pub(crate) async fn probe(context: Context, stop: CancellationToken) {
    let mut swept: Option<Instant> = None;
    let mut forgot: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = look(&context) => {}
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) && sweep(&context).await {
            swept = Some(Instant::now());
        }
        if forgot.is_none_or(|at| at.elapsed() >= FORGET) {
            forget(&context).await;
            forgot = Some(Instant::now());
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn look(context: &Context) {
    match context.sandbox.ping().await {
        Ok(()) => context.health.works(Part::Docker),
        Err(error) => context.health.fails(Part::Docker, &error),
    }
    match context.signer.info().await {
        Ok(_) => context.health.works(Part::Signer),
        Err(error) => context.health.fails(Part::Signer, &error),
    }
    let waiting = context.waits.counts();
    for on in WaitOn::ALL {
        let count = waiting.get(on.name()).copied().unwrap_or_default();
        metrics::gauge!("nexus_keeper_waiting", "on" => on.name()).set(count as f64);
    }
    match context.store.counts().await {
        Ok(counts) => {
            match stores(&context.store).await {
                Err(error) => context.health.fails(Part::Store, &error),
                Ok(()) => context.health.works(Part::Store),
            }
            for kind in Kind::ALL {
                let count = counts.iter().find(|(name, _)| name == kind.name());
                metrics::gauge!("nexus_keeper_jobs", "state" => kind.name())
                    .set(count.map_or(0.0, |(_, count)| *count as f64));
            }
        }
        Err(error) => context.health.fails(Part::Store, &error),
    }
}

/// Checks that changes are stored, too, not only reads answered.
async fn stores(store: &Store) -> Result<(), StoreError> {
    match store.trouble() {
        None => Ok(()),
        Some(error @ StoreError::Locked) => Err(error),
        Some(_) => store.try_write().await,
    }
}

/// Removes containers that no running job of this keeper owns; `false` if that must be tried
/// again soon.
async fn sweep(context: &Context) -> bool {
    let live = match live(context).await {
        Ok(live) => live,
        Err(error) => {
            context.health.fails(Part::Store, &error);
            return false;
        }
    };
    match context.sandbox.sweep(&live).await {
        Ok(0) => true,
        Ok(removed) => {
            tracing::info!(removed, "removed containers that no job owns");
            metrics::counter!("nexus_keeper_containers_swept_total").increment(removed as u64);
            true
        }
        Err(error @ (SandboxError::Unavailable { .. } | SandboxError::Unsafe { .. })) => {
            context.health.fails(Part::Docker, &error);
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the sweep for containers failed");
            false
        }
    }
}

async fn forget(context: &Context) {
    let age = u64::from(context.config.docker.keep_days) * 24 * 3600 * 1000;
    if age == 0 {
        return;
    }
    match context.store.forget(now_millis().saturating_sub(age)).await {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "forgot inputs, results and logs of old jobs"),
        Err(error) => context.health.fails(Part::Store, &error),
    }
}

async fn live(context: &Context) -> Result<Vec<(String, u32)>, StoreError> {
    let running = context.store.jobs_in(Kind::Running).await?;
    let name = |row| match &row {
        crate::store::JobRow { state: State::Running(job), .. } => {
            Some((context.container_job(&row), job.order.attempts))
        }
        _ => None,
    };
    Ok(running.into_iter().filter_map(name).collect())
}

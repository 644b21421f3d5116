//! Doing one piece of owed work until it is committed, outdated or beyond help.

use std::time::{Duration, Instant};

use domain::job::{Effect, Event};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::trouble::Trouble;
use super::{confirm, finalize, input, receipt, run};
use crate::backoff::Backoff;
use crate::health::Part;
use crate::sandbox::RunOutput;
use crate::settle;
use crate::store::{Commit, JobRow, Owed};

/// First and longest pause between tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Does the work, however often it fails, until the job has moved on or is stuck.
pub(super) async fn drive(context: Context, owed: Owed, cancel: CancellationToken) {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    let mut told = false;
    loop {
        let trouble = match attempt(&context, owed, &cancel).await {
            Ok(()) => return,
            Err(trouble) => trouble,
        };
        // What fails while the keeper ends is left to the next start.
        let over = cancel.is_cancelled() || context.drain.is_cancelled();
        if trouble.is_outdated() || over {
            return;
        }
        trouble.note(&context.health, owed.effect);
        if trouble.is_retryable() {
            context.waits.note(owed.job, owed.version, trouble.to_wait());
            let (job, phase) = (owed.job, owed.effect.name());
            match std::mem::replace(&mut told, true) {
                false => tracing::warn!(job, phase, %trouble, "waits and tries again"),
                true => tracing::debug!(job, phase, %trouble, "tries again"),
            }
        } else if give_up(&context, owed, &trouble).await {
            return;
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

async fn attempt(context: &Context, owed: Owed, cancel: &CancellationToken) -> Result<(), Trouble> {
    let Some(row) = context.store.job(owed.job).await? else { return Ok(()) };
    if row.version != owed.version {
        return Ok(());
    }
    let begun = Instant::now();
    let (commit, _output) = tokio::select! {
        done = perform(context, &row, owed.effect, cancel) => done?,
        () = cancel.cancelled(), if owed.effect != Effect::Run => return Ok(()),
    };
    let event = commit.event.kind();
    let next = commit_stubbornly(context, commit).await;
    if owed.effect == Effect::Run {
        // Until now the container was the only other copy of what the agent gave.
        context.sandbox.release(&context.container_job(&row));
    }
    let next = next?;
    metrics::histogram!("nexus_keeper_phase_seconds", "phase" => owed.effect.name())
        .record(begun.elapsed().as_secs_f64());
    tracing::info!(job = row.id, %event, state = %next.state.kind(), "job moved");
    Ok(())
}

async fn perform(
    context: &Context,
    row: &JobRow,
    effect: Effect,
    cancel: &CancellationToken,
) -> Result<(Commit, Option<RunOutput>), Trouble> {
    let commit = match effect {
        Effect::Confirm => confirm::confirm(context, row).await,
        Effect::AwaitInput => input::await_input(context, row).await,
        Effect::Start => run::start(context, row).await,
        // Far larger than all others: on the heap, or a worker's stack would not hold it.
        Effect::Run => return Box::pin(run::run(context, row, cancel)).await,
        Effect::Prepare => receipt::prepare(context, row).await,
        Effect::Sign => settle::sign_operation(context, row).await,
        Effect::Finalize => finalize::finalize(context, row).await,
        // The dispatcher leaves these to the bundler.
        Effect::Bundle | Effect::Watch => std::future::pending().await,
    };
    Ok((commit?, None))
}

/// Finished work is not done again because the disk was full: the commit alone is repeated.
async fn commit_stubbornly(context: &Context, commit: Commit) -> Result<JobRow, Trouble> {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    let Commit { job, version, event, blobs } = commit;
    loop {
        let again = Commit { job, version, event: event.clone(), blobs: blobs.clone() };
        match context.store.commit(again).await {
            Ok(row) => {
                context.health.works(Part::Store);
                return Ok(row);
            }
            Err(error) if error.is_retryable() => {
                context.health.fails(Part::Store, &error);
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Leaves the job to the operator; false when even that could not be stored.
async fn give_up(context: &Context, owed: Owed, trouble: &Trouble) -> bool {
    tracing::error!(job = owed.job, phase = owed.effect.name(), %trouble, "job is stuck");
    let event = Event::Stuck(trouble.to_string());
    let commit = Commit { job: owed.job, version: owed.version, event, blobs: Vec::new() };
    match context.store.commit(commit).await {
        Ok(_) => true,
        Err(error) => {
            context.health.fails(Part::Store, &error);
            Trouble::from(error).is_outdated()
        }
    }
}

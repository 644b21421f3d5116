//! Phases 3 and 4: a free place, then the run, adopted from an earlier life if there is one.

use std::time::Duration;

use bytes::Bytes;
use domain::job::{Event, Order, RunRecord, State};
use domain::manifest::Manifest;
use domain::receipt::Outcome;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::confirm::wrong_state;
use super::context::Context;
use super::trouble::Trouble;
use super::{expiry, logs, verdict};
use crate::health::Part;
use crate::sandbox::{Limits, RunOutput, RunSpec, SandboxError};
use crate::store::{Commit, JobRow, now_millis};
use crate::waits::{Wait, WaitOn};

/// Shortest and longest pause between the starts of two attempts of a job.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Waits for a free place and a working engine; too late is too late.
pub(super) async fn start(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Ready(order) = &row.state else { return Err(wrong_state(row)) };
    if context.places.available_permits() == 0 {
        let most = context.config.docker.max_concurrent;
        let reason = format!("one of docker.max_concurrent = {most} places");
        context.waits.note(row.id, row.version, Wait::new(WaitOn::Slot, reason, "nothing"));
    }
    let Some(place) = take_place(context, order).await? else {
        return Ok(Commit::new(row, Event::Expired));
    };
    context.sandbox.ping().await?;
    context.health.works(Part::Docker);
    if context.drain.is_cancelled() {
        return Err(shutting_down());
    }
    context.begun.lock().insert(row.id, place);
    Ok(Commit::new(row, Event::Started))
}

/// Waits for a free place; `None` once it is too late for a run.
async fn take_place(
    context: &Context,
    order: &Order,
) -> Result<Option<OwnedSemaphorePermit>, Trouble> {
    let seconds = expiry::seconds(context, order);
    let place = tokio::select! {
        place = context.places.clone().acquire_owned() => place.map_err(|_| shutting_down())?,
        () = expiry::too_late(context, &order.purchase, seconds) => return Ok(None),
    };
    let late = expiry::is_too_late(context, &order.purchase, seconds).await;
    Ok((!late).then_some(place))
}

fn shutting_down() -> Trouble {
    Trouble::Wait("the keeper is shutting down".into())
}

/// Runs the agent, or finishes the run of an earlier life. The output comes along, because its
/// container is the only lasting copy until the commit is made.
pub(super) async fn run(
    context: &Context,
    row: &JobRow,
    cancel: &CancellationToken,
) -> Result<(Commit, Option<RunOutput>), Trouble> {
    let State::Running(job) = &row.state else { return Err(wrong_state(row)) };
    let (order, attempt) = (&job.order, job.order.attempts);
    let manifest = order.terms.manifest.as_ref().ok_or_else(|| wrong_state(row))?;
    let ended = tokio::select! {
        ended = Box::pin(work(context, row, order, manifest, cancel)) => ended,
        () = expiry::overdue(context, &order.purchase, expiry::seconds(context, order)) => {
            let detail = "the run does not end, its agent is paused or the engine hangs";
            Err(Trouble::Wait(detail.into()))
        }
    };
    let output = match ended {
        Ok(Ended::Judged(output)) => output,
        Ok(Ended::Unfit(record)) => return Ok((Commit::new(row, Event::Failed(record)), None)),
        Ok(Ended::Lost) => return Ok((begin_anew(context, row, order, cancel).await?, None)),
        Err(trouble) => return Ok((in_time(context, row, order, trouble).await?, None)),
    };
    context.health.works(Part::Docker);
    let record = verdict::judge(attempt, &output, manifest);
    metrics::counter!("nexus_keeper_runs_total", "outcome" => record.outcome.reason()).increment(1);
    let (event, result) = if record.outcome.is_ok() {
        (Event::Produced(record), output.result.clone())
    } else {
        (Event::Failed(record), Bytes::new())
    };
    let commit = Commit::new(row, event).with_blob(result).with_blob(output.log.clone());
    Ok((commit, Some(output)))
}

/// How the work on one attempt ended.
enum Ended {
    /// There is a verdict on the agent.
    Judged(RunOutput),
    /// The agent can never be run.
    Unfit(RunRecord),
    /// The agent was started, and what became of it cannot be told.
    Lost,
}

/// Runs what was begun, finishes what an earlier life began, or does again what never began.
async fn work(
    context: &Context,
    row: &JobRow,
    order: &Order,
    manifest: &Manifest,
    cancel: &CancellationToken,
) -> Result<Ended, Trouble> {
    let begun = context.begun.lock().remove(&row.id);
    let _place = match begun {
        Some(place) => place,
        None => {
            let place = context.places.clone().acquire_owned().await;
            let place = place.map_err(|_| shutting_down())?;
            if let Some(output) = adopt(context, row, order.attempts, cancel).await? {
                return Ok(Ended::Judged(output));
            }
            let job = context.container_job(row);
            if !context.sandbox.never_began(&job, order.attempts) {
                return Ok(Ended::Lost);
            }
            // Nothing was run in this attempt, so that it is not used up.
            place
        }
    };
    fresh(context, row, order, manifest, cancel).await
}

/// Another attempt after one that was lost: not at once if the last one began just now, for what
/// ended it may do so again.
async fn begin_anew(
    context: &Context,
    row: &JobRow,
    order: &Order,
    cancel: &CancellationToken,
) -> Result<Commit, Trouble> {
    let seconds = expiry::seconds(context, order);
    let pause = pause_left(order.attempts, row.updated_at, now_millis());
    let reason = format!(
        "attempt {} was lost: the keeper, the engine or the operator ended it; the next one begins \
         {} ms later",
        order.attempts,
        pause.as_millis()
    );
    context.waits.note(row.id, row.version, Wait::new(WaitOn::Engine, reason, "nothing"));
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = expiry::too_late(context, &order.purchase, seconds) => {}
        () = cancel.cancelled() => return Err(Trouble::Wait("the job has moved on".into())),
        () = context.drain.cancelled() => return Err(shutting_down()),
    }
    let Some(place) = take_place(context, order).await? else {
        let detail = format!(
            "could not be run before the deadline: attempt {} was lost to the engine or the \
             operator",
            order.attempts
        );
        return Ok(Commit::new(row, Event::Failed(verdict::not_run(Outcome::Killed, &detail))));
    };
    context.begun.lock().insert(row.id, place);
    Ok(Commit::new(row, Event::Restarted))
}

/// What is left of the pause after an attempt that began at `started`, in Unix milliseconds. It
/// rests on what is stored alone, so that a restart of the keeper does not shorten it.
fn pause_left(attempts: u32, started: u64, now: u64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let whole = PAUSES.0.saturating_mul(1 << doublings).min(PAUSES.1);
    whole.saturating_sub(Duration::from_millis(now.saturating_sub(started)))
}

/// Trouble is waited out only while a run could still end before the deadline; then the buyer
/// is refunded without having to ask.
async fn in_time(
    context: &Context,
    row: &JobRow,
    order: &Order,
    trouble: Trouble,
) -> Result<Commit, Trouble> {
    let seconds = expiry::seconds(context, order);
    if !expiry::is_too_late(context, &order.purchase, seconds).await {
        return Err(trouble);
    }
    let detail = format!("could not be run before the deadline: {trouble}");
    Ok(Commit::new(row, Event::Failed(verdict::not_run(Outcome::Killed, &detail))))
}

/// The run that an earlier life of this keeper began, if it can be trusted to be whole.
async fn adopt(
    context: &Context,
    row: &JobRow,
    attempt: u32,
    cancel: &CancellationToken,
) -> Result<Option<RunOutput>, Trouble> {
    let (lines, inbox) = mpsc::channel(logs::INBOX);
    let carrier = logs::carry(context.store.clone(), (row.id, row.version), attempt, inbox);
    let job = context.container_job(row);
    let adopted = Box::pin(context.sandbox.adopt(&job, attempt, lines, cancel.clone()));
    let (adopted, ()) = tokio::join!(adopted, carrier);
    let adopted = adopted?;
    if adopted.is_some() {
        tracing::info!(job = row.id, attempt, "took over the container of an earlier life");
        metrics::counter!("nexus_keeper_runs_adopted_total").increment(1);
    }
    Ok(adopted)
}

/// A run from the beginning.
async fn fresh(
    context: &Context,
    row: &JobRow,
    order: &Order,
    manifest: &Manifest,
    cancel: &CancellationToken,
) -> Result<Ended, Trouble> {
    let input = context.store.blob(order.purchase.input_hash).await?;
    let input =
        input.ok_or_else(|| Trouble::Hopeless("the input is gone from the store".into()))?;
    let spec = spec(context, row, order, manifest, input);
    let (lines, inbox) = mpsc::channel(logs::INBOX);
    let carrier = logs::carry(context.store.clone(), (row.id, row.version), order.attempts, inbox);
    let run = Box::pin(context.sandbox.run(spec, lines, cancel.clone()));
    let (output, ()) = tokio::join!(run, carrier);
    match output {
        Ok(output) => Ok(Ended::Judged(output)),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(error @ SandboxError::ImageRefused { .. }) => {
            Ok(Ended::Unfit(verdict::not_run(Outcome::ImageUnusable, &error.to_string())))
        }
        Err(error) => Ok(Ended::Unfit(verdict::not_run(Outcome::Killed, &error.to_string()))),
    }
}

fn spec(
    context: &Context,
    row: &JobRow,
    order: &Order,
    manifest: &Manifest,
    input: Bytes,
) -> RunSpec {
    RunSpec {
        job: context.container_job(row),
        attempt: order.attempts,
        image_digest: order.terms.image_digest.0,
        repository: manifest.repository.clone(),
        args: manifest.args.clone(),
        env: vec![
            ("NEXUS_JOB".into(), row.id.to_string()),
            ("NEXUS_AGENT".into(), order.purchase.agent_id.to_string()),
            ("NEXUS_SECONDS".into(), expiry::seconds(context, order).to_string()),
        ],
        input,
        limits: limits(context, order, manifest),
    }
}

/// The manifest's limits cut to the operator's caps.
fn limits(context: &Context, order: &Order, manifest: &Manifest) -> Limits {
    let (cap, wanted) = (&context.config.docker, &manifest.limits);
    Limits {
        seconds: expiry::seconds(context, order),
        silence_seconds: None,
        memory_bytes: wanted.memory_bytes.min(cap.memory_bytes),
        cpu_millis: wanted.cpu_millis.min(cap.cpu_millis),
        pids: wanted.pids.min(cap.pids),
        tmp_bytes: wanted.tmp_bytes.min(cap.tmp_bytes),
        output_bytes: manifest.output.max_bytes.min(cap.output_bytes),
        log_bytes: wanted.log_bytes.min(cap.log_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_follow_each_other_after_growing_pauses_that_survive_a_restart() {
        let begun = 1_000_000;
        let pauses: Vec<_> = (1..=8).map(|n| pause_left(n, begun, begun).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(pause_left(u32::MAX, begun, begun), PAUSES.1);
        assert_eq!(pause_left(3, begun, begun + 1500), Duration::from_millis(500));
        assert_eq!(pause_left(3, begun, begun + 60_000), Duration::ZERO, "long ago");
        assert_eq!(pause_left(3, begun, begun - 60_000), Duration::from_secs(2), "clock set back");
    }
}

//! Phases 3 and 4: a free place, then the run, adopted from an earlier life if there is one.

use bytes::Bytes;
use domain::job::{Event, Order, State};
use domain::manifest::Manifest;
use domain::receipt::Outcome;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::confirm::wrong_state;
use super::context::Context;
use super::trouble::Trouble;
use super::{expiry, logs, verdict};
use crate::health::Part;
use crate::sandbox::{Limits, RunOutput, RunSpec, SandboxError};
use crate::store::{Commit, JobRow};
use crate::waits::{Wait, WaitOn};

/// Waits for a free place and a working engine; too late is too late.
pub(super) async fn start(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Ready(order) = &row.state else { return Err(wrong_state(row)) };
    let seconds = expiry::seconds(context, order);
    let most = context.config.docker.max_concurrent;
    let reason = format!("one of docker.max_concurrent = {most} places");
    context.waits.note(row.id, row.version, Wait::new(WaitOn::Slot, reason, "nothing"));
    let place = tokio::select! {
        place = context.places.clone().acquire_owned() => place,
        () = expiry::too_late(context, &order.purchase, seconds) => {
            return Ok(Commit::new(row, Event::Expired));
        }
    };
    let place = place.map_err(|_| Trouble::Wait("the keeper is shutting down".into()))?;
    if expiry::is_too_late(context, &order.purchase, seconds).await {
        return Ok(Commit::new(row, Event::Expired));
    }
    context.sandbox.ping().await?;
    context.health.works(Part::Docker);
    if context.drain.is_cancelled() {
        return Err(Trouble::Wait("the keeper is shutting down".into()));
    }
    context.begun.lock().insert(row.id, place);
    Ok(Commit::new(row, Event::Started))
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
    let begun = context.begun.lock().remove(&row.id);
    let ended = match begun {
        Some(_place) => fresh(context, row, order, manifest, cancel).await,
        None => {
            let place = context.places.clone().acquire_owned().await;
            let place = place.map_err(|_| Trouble::Wait("the keeper is shutting down".into()))?;
            match adopt(context, row, attempt, cancel).await {
                Ok(None) => {
                    context.begun.lock().insert(row.id, place);
                    return Ok((Commit::new(row, Event::Restarted), None));
                }
                Ok(Some(output)) => Ok(Ok(output)),
                Err(trouble) => Err(trouble),
            }
        }
    };
    let output = match ended {
        Ok(Ok(output)) => output,
        Ok(Err(record)) => return Ok((Commit::new(row, Event::Failed(record)), None)),
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
    let carrier = logs::carry(context.store.clone(), row.id, attempt, inbox);
    let job = context.container_job(row);
    let adopted = context.sandbox.adopt(&job, attempt, lines, cancel.clone());
    let (adopted, ()) = tokio::join!(adopted, carrier);
    let adopted = adopted?;
    if adopted.is_some() {
        tracing::info!(job = row.id, attempt, "took over the container of an earlier life");
        metrics::counter!("nexus_keeper_runs_adopted_total").increment(1);
    }
    Ok(adopted)
}

/// A run from the beginning. An agent that cannot be run at all is a failed run.
async fn fresh(
    context: &Context,
    row: &JobRow,
    order: &Order,
    manifest: &Manifest,
    cancel: &CancellationToken,
) -> Result<Result<RunOutput, domain::job::RunRecord>, Trouble> {
    let input = context.store.blob(order.purchase.input_hash).await?;
    let input =
        input.ok_or_else(|| Trouble::Hopeless("the input is gone from the store".into()))?;
    let spec = spec(context, row, order, manifest, input);
    let (lines, inbox) = mpsc::channel(logs::INBOX);
    let carrier = logs::carry(context.store.clone(), row.id, order.attempts, inbox);
    let run = context.sandbox.run(spec, lines, cancel.clone());
    let (output, ()) = tokio::join!(run, carrier);
    match output {
        Ok(output) => Ok(Ok(output)),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(error @ SandboxError::ImageRefused { .. }) => {
            Ok(Err(verdict::not_run(Outcome::ImageMissing, &error.to_string())))
        }
        Err(error) => Ok(Err(verdict::not_run(Outcome::Killed, &error.to_string()))),
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

//! Owns the finishing of runs that an earlier keeper process began.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bollard::query_parameters::LogsOptionsBuilder;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::capture::{Capture, Flow};
use super::clock::Process;
use super::container::Container;
use super::error::{Doing, SandboxError};
use super::outside::Outside;
use super::types::{Ending, Limits, LogLine, RunOutput, Usage};
use super::verdict::{self, KILLED, Stop};
use super::{Inner, labels, run, usage, watch};

/// The log driver stores longer lines in pieces, and where they end is lost.
const PIECE: usize = 16 << 10;

pub(super) async fn adopt(
    inner: &Inner,
    job: &str,
    attempt: u32,
    log: mpsc::Sender<LogLine>,
) -> Result<Option<RunOutput>, SandboxError> {
    let docker = inner.engine.docker().await?;
    let (engine, lost) = (inner.engine.instance().await, inner.was_lost(job, attempt));
    let found = labels::find(&docker, &inner.config, Some((job, attempt))).await?;
    let ([only], Some(engine), false) = (found.as_slice(), engine, lost) else {
        run::discard(inner, &docker, job, attempt).await?;
        inner.forget_loss(job, attempt);
        return Ok(None);
    };
    let container = inner.own(&docker, only.id.clone());
    let inspected = container.inspect().await?;
    let state = inspected.state.clone().unwrap_or_default();
    let started = verdict::time(state.started_at.as_deref());
    let limits = labels::adoptable(&inspected, &engine).filter(|_| state.dead != Some(true));
    let (Some(limits), Some(started), true) = (limits, started, inner.engine.adoptable().await?)
    else {
        drop(container);
        run::discard(inner, &docker, job, attempt).await?;
        return Ok(None);
    };
    container.fed.store(true, Ordering::Relaxed);
    let output = if state.running == Some(true) {
        let ran = Process::of(state.pid, &container.id).map(|process| process.age);
        // Where the kernel does not tell, the wall clock must do.
        let ran =
            ran.unwrap_or_else(|| SystemTime::now().duration_since(started).unwrap_or_default());
        finish(&container, limits, (ran, state.pid), log).await?
    } else {
        let outside = Outside::follow(&docker, &container.id);
        reread(&container, limits, outside, Usage::default(), Some(log)).await?
    };
    if output.is_none() || inner.engine.instance().await != Some(engine) {
        drop(container);
        run::discard(inner, &docker, job, attempt).await?;
        return Ok(None);
    }
    inner.hold(job, container);
    Ok(output)
}

/// Watches a container that still runs, from the beginning of its output.
async fn finish(
    container: &Container,
    limits: Limits,
    (ran, pid): (Duration, Option<i64>),
    log: mpsc::Sender<LogLine>,
) -> Result<Option<RunOutput>, SandboxError> {
    let (docker, id) = (&container.docker, container.id.as_str());
    let now = Instant::now();
    let (began, limit) = match now.checked_sub(ran) {
        Some(began) => (began, Duration::from_secs(limits.seconds)),
        None => (now, Duration::from_secs(limits.seconds).saturating_sub(ran)),
    };
    let mut outside = Outside::follow(docker, id);
    let mut capture = stored(container, limits, true, Some(log));
    let mut used = Usage::default();
    let stop = tokio::select! {
        stop = watch::watch(docker, id, &mut capture, &mut outside, (began, limit)) => stop?,
        never = usage::sample(docker, id, pid, &mut used) => match never {},
    };
    match stop {
        Stop::Exited { .. } => reread(container, limits, outside, used, None).await,
        Stop::Broke(ending) => {
            if outside.check_untouched(id, ending).is_err() {
                return Ok(None);
            }
            watch::put_down(docker, id, &mut capture).await?;
            let exit = watch::exit(&container.inspect().await?)?;
            Ok(Some(run::output(ending, &exit, used, capture, limits.memory_bytes)))
        }
    }
}

/// Reads the stored streams of a container that has ended. `None` if it was killed, for
/// after the fact nobody can say by whom, if others had a hand in it, if the wall clock was set
/// so that nobody can say whether it kept its time, or if the streams are not stored byte for
/// byte.
async fn reread(
    container: &Container,
    limits: Limits,
    mut outside: Outside,
    used: Usage,
    log: Option<mpsc::Sender<LogLine>>,
) -> Result<Option<RunOutput>, SandboxError> {
    outside.settle().await;
    let inspected = container.inspect().await?;
    let Ok(exit) = watch::exit(&inspected) else { return Ok(None) };
    let mut capture = stored(container, Limits { silence_seconds: None, ..limits }, false, log);
    let stop = match capture.read().await {
        Flow::End => Stop::Exited { whole: true },
        Flow::Broke(ending) => Stop::Broke(ending),
        Flow::Lost(error) => return Err(error).doing("reading stored output"),
    };
    if capture.has_line_of(PIECE) && !matches!(stop, Stop::Broke(_)) {
        return Ok(None);
    }
    let took = exit.took(labels::clock_step(&inspected)).without(outside.paused());
    let ending = exit.judge(stop, &limits, took).filter(|ending| is_own(&outside, *ending));
    Ok(ending.map(|ending| run::output(ending, &exit, used, capture, limits.memory_bytes)))
}

/// Whether a run ended like that by the agent's own doing.
fn is_own(outside: &Outside, ending: Ending) -> bool {
    ending != Ending::NonZeroExit(KILLED) && outside.check_untouched("", ending).is_ok()
}

/// The streams as the engine stored them, from their beginning.
fn stored(
    container: &Container,
    limits: Limits,
    follow: bool,
    log: Option<mpsc::Sender<LogLine>>,
) -> Capture {
    let options =
        LogsOptionsBuilder::default().follow(follow).stdout(true).stderr(true).tail("all").build();
    let frames = container.docker.logs(&container.id, Some(options));
    Capture::new(Box::pin(frames), limits, log)
}

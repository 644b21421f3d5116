//! Owns one run, from the image to the verdict.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::container::AttachContainerResults;
use bollard::models::ContainerState;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RenameContainerOptionsBuilder,
};
use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::capture::Capture;
use super::container::{self, Container};
use super::error::{Doing, SandboxError};
use super::outside::Outside;
use super::types::{Ending, LogLine, RunOutput, RunSpec, Usage};
use super::verdict::{self, Exit, KILLED, Stop};
use super::{Inner, blame, hardening, images, labels, usage, watch};

type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

/// An agent at work, without its input yet.
struct Begun {
    container: Container,
    stdin: Stdin,
    capture: Capture,
    outside: Outside,
    /// Before and after the start: the agent's own lies between.
    at: (Instant, Instant),
    state: ContainerState,
}

pub(super) async fn run(
    inner: &Inner,
    spec: &RunSpec,
    log: mpsc::Sender<LogLine>,
) -> Result<RunOutput, SandboxError> {
    let Some(begun) = Box::pin(begin(inner, spec, log)).await? else { return Ok(not_run()) };
    let Begun { container, stdin, mut capture, mut outside, at, state } = begun;
    let docker = &container.docker;
    let mut used = Usage::default();
    let limit = Duration::from_secs(spec.limits.seconds);
    let fed = labels::fed_name(&inner.config, spec, verdict::time(state.started_at.as_deref()));
    let stop = {
        let watching = Box::pin(watch::watch(
            docker,
            &container.id,
            &mut capture,
            &mut outside,
            (at.1, limit),
        ));
        let feeding = Box::pin(feed(&container, fed, spec, stdin));
        let sampling = Box::pin(usage::sample(docker, &container.id, state.pid, &mut used));
        tokio::select! {
            stop = watching => stop?,
            ((), never) = async { tokio::join!(feeding, sampling) } => match never {},
        }
    };
    let watched = at.0.elapsed();
    match stop {
        Stop::Broke(ending) => {
            outside.check_untouched(&spec.job, ending)?;
            watch::put_down(docker, &container.id, &mut capture).await?;
        }
        Stop::Exited { whole: false } => return Err(watch::closed()).doing("streaming the output"),
        Stop::Exited { whole: true } => outside.settle().await,
    }
    let inspected = container.inspect().await?;
    if stop == (Stop::Exited { whole: true }) {
        // Whatever it looks like: somebody else may have ended it, or started it again.
        outside.check_untouched(&spec.job, Ending::Success)?;
    }
    let exit = watch::exit(&inspected)?;
    let took = exit.took(labels::clock_step(&inspected)).within(watched).without(outside.paused());
    let ending = match exit.judge(stop, &spec.limits, took) {
        Some(Ending::NonZeroExit(KILLED)) if outside.out_of_memory() => Ending::OutOfMemory,
        Some(Ending::NonZeroExit(KILLED)) if !outside.tells_all() => {
            return Err(interrupted(spec, "a signal of nobody knows whom"));
        }
        Some(ending) => ending,
        None => return Err(interrupted(spec, "a step of the clock")),
    };
    if let Stop::Exited { .. } = stop {
        outside.check_untouched(&spec.job, ending)?;
    }
    inner.hold(&spec.job, container);
    Ok(output(ending, &exit, used, capture, spec.limits.memory_bytes))
}

fn interrupted(spec: &RunSpec, by: &str) -> SandboxError {
    SandboxError::Interrupted { job: spec.job.clone(), signal: by.to_owned() }
}

/// Starts the agent; `None` if its image is missing.
async fn begin(
    inner: &Inner,
    spec: &RunSpec,
    log: mpsc::Sender<LogLine>,
) -> Result<Option<Begun>, SandboxError> {
    inner.note_unstarted(&spec.job, spec.attempt, true);
    let docker = inner.engine.docker().await?;
    let platform = inner.engine.platform().await?;
    let (image, ()) = tokio::try_join!(
        images::resolve(&docker, &platform, &inner.config, spec),
        discard(inner, &docker, &spec.job, spec.attempt),
    )?;
    let Some(image) = image else { return Ok(None) };
    let container = Box::pin(create(inner, &docker, spec, &image)).await?;
    let (stdin, capture) = attach(&container, spec, log).await?;
    let outside = Outside::follow(&docker, &container.id);
    inner.note_unstarted(&spec.job, spec.attempt, false);
    let before = Instant::now();
    let started = docker.start_container(&container.id, None).await.doing("starting a container");
    if let Err(error) = started {
        if let SandboxError::Refused { .. } = error {
            inner.note_unstarted(&spec.job, spec.attempt, true);
        }
        return Err(Box::pin(blame::explain(inner, &image, Some(&container), error)).await);
    }
    let at = (before, Instant::now());
    let state = container.inspect().await?.state.unwrap_or_default();
    Ok(Some(Begun { container, stdin, capture, outside, at, state }))
}

/// A run whose image is missing.
fn not_run() -> RunOutput {
    let now = SystemTime::now();
    RunOutput {
        ending: Ending::ImageMissing,
        exit_code: None,
        result: Bytes::new(),
        log: Bytes::new(),
        usage: Usage::default(),
        started_at: now,
        finished_at: now,
    }
}

pub(super) fn output(
    ending: Ending,
    exit: &Exit,
    mut usage: Usage,
    capture: Capture,
    memory_limit: u64,
) -> RunOutput {
    if ending == Ending::OutOfMemory {
        // Nobody samples the very moment, but the kernel kills at the limit only.
        usage.peak_memory_bytes = usage.peak_memory_bytes.max(memory_limit);
    }
    let (result, log) = capture.into_parts();
    RunOutput {
        ending,
        exit_code: Some(exit.code),
        result,
        log,
        usage,
        started_at: exit.started_at,
        finished_at: exit.finished_at,
    }
}

/// Removes whatever an earlier process left of this job and attempt.
pub(super) async fn discard(
    inner: &Inner,
    docker: &Docker,
    job: &str,
    attempt: u32,
) -> Result<(), SandboxError> {
    for found in labels::find(docker, &inner.config, Some((job, attempt))).await? {
        container::remove(docker, &found.id).await?;
    }
    Ok(())
}

/// Makes the container and sees to it that every protection was applied.
pub(super) async fn create(
    inner: &Inner,
    docker: &Docker,
    spec: &RunSpec,
    image: &str,
) -> Result<Container, SandboxError> {
    let engine = inner.engine.instance().await;
    let body = hardening::container(spec, image, labels::of(&inner.config, spec, engine));
    let name = labels::unfed_name(&inner.config, spec);
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let made = Container::create(docker.clone(), options, body.clone(), inner.care()).await;
    let (container, warnings) = match made {
        Ok(made) => made,
        Err(error) => return Err(Box::pin(blame::explain(inner, image, None, error)).await),
    };
    match hardening::check_made(&body, &warnings, &container).await {
        Ok(_) => Ok(container),
        Err(error) => Err(Box::pin(blame::explain(inner, image, Some(&container), error)).await),
    }
}

/// Two connections: what is in one's way must not cut the other short.
async fn attach(
    container: &Container,
    spec: &RunSpec,
    log: mpsc::Sender<LogLine>,
) -> Result<(Stdin, Capture), SandboxError> {
    let to_stdin = AttachContainerOptionsBuilder::default().stream(true).stdin(true).build();
    let from_both =
        AttachContainerOptionsBuilder::default().stream(true).stdout(true).stderr(true).build();
    let connect = |options| container.docker.attach_container(&container.id, Some(options));
    let (stdin, both) = tokio::try_join!(connect(to_stdin), connect(from_both))
        .doing("attaching to a container")?;
    let AttachContainerResults { input, .. } = stdin;
    Ok((input, Capture::new(both.output, spec.limits, Some(log))))
}

/// Writes the input, closes stdin, and then marks the container as fed.
async fn feed(container: &Container, fed: String, spec: &RunSpec, mut stdin: Stdin) {
    let delivered = async {
        stdin.write_all(&spec.input).await?;
        stdin.shutdown().await
    };
    if let Err(error) = delivered.await {
        // An agent need not read its input: it may be done already.
        tracing::debug!(%error, job = spec.job, "the agent did not take its whole input");
        return;
    }
    container.fed.store(true, Ordering::Relaxed);
    let options = RenameContainerOptionsBuilder::default().name(&fed).build();
    if let Err(error) = container.docker.rename_container(&container.id, options).await {
        // It only means that a restarted keeper would not adopt this container.
        tracing::debug!(%error, job = spec.job, "container not marked as fed");
    }
}

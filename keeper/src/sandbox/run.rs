//! Owns one run, from the image to the verdict.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::container::AttachContainerResults;
use bollard::models::ContainerInspectResponse;
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
use super::types::{Ending, LogLine, RunOutput, RunSpec, Usage};
use super::verdict::{Exit, Stop};
use super::watch::{self, Killer};
use super::{Inner, hardening, images, labels, usage};

type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

pub(super) async fn run(
    inner: &Inner,
    spec: &RunSpec,
    log: mpsc::Sender<LogLine>,
) -> Result<RunOutput, SandboxError> {
    let docker = inner.engine.docker().await?;
    let (image, ()) = tokio::try_join!(
        images::resolve(&docker, &inner.config, spec),
        discard(inner, &docker, &spec.job, spec.attempt),
    )?;
    let Some(image) = image else { return Ok(not_run()) };
    let container = create(inner, &docker, spec, &image).await?;
    let (stdin, mut capture) = attach(&container, spec, log).await?;
    docker.start_container(&container.id, None).await.doing("starting a container")?;
    let deadline = Instant::now() + Duration::from_secs(spec.limits.seconds);
    let mut used = Usage::default();
    let stop = {
        let watching = watch::watch(&docker, &container.id, &mut capture, deadline);
        let feeding = feed(&container, labels::fed_name(&inner.config, spec), spec, stdin);
        let sampling = usage::sample(&docker, &container.id, &mut used);
        tokio::select! {
            stop = watching => stop?,
            ((), never) = async { tokio::join!(feeding, sampling) } => match never {},
        }
    };
    if let Stop::Broke(_) = stop {
        watch::put_down(&docker, &container.id, &mut capture).await?;
    }
    if stop == (Stop::Exited { whole: false }) {
        return Err(watch::closed()).doing("streaming the output");
    }
    let exit = watch::exit(&inspect(&container).await?)?;
    let ending = match exit.judge(stop, &spec.limits) {
        Some(ending) => ending,
        None => unexplained(&container, spec, &exit).await?,
    };
    inner.hold(&spec.job, container);
    Ok(output(ending, &exit, used, capture, spec.limits.memory_bytes))
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
async fn create(
    inner: &Inner,
    docker: &Docker,
    spec: &RunSpec,
    image: &str,
) -> Result<Container, SandboxError> {
    let engine = inner.engine.instance().await;
    let body = hardening::container(spec, image, labels::of(&inner.config, spec, engine));
    let name = labels::unfed_name(&inner.config, spec);
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let care = inner.care();
    let (container, warnings) =
        Container::create(docker.clone(), options, body.clone(), care).await?;
    if let Some(warning) = warnings.first() {
        return Err(SandboxError::Unsafe { missing: format!("it warns: {warning}") });
    }
    let given = inspect(&container).await?;
    hardening::check_container(&body, &given)
        .map_err(|missing| SandboxError::Unsafe { missing })?;
    Ok(container)
}

pub(super) async fn inspect(
    container: &Container,
) -> Result<ContainerInspectResponse, SandboxError> {
    let answer = container.docker.inspect_container(&container.id, None).await;
    answer.doing("inspecting a container")
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

/// A container was killed, and neither a limit nor its state says why.
async fn unexplained(
    container: &Container,
    spec: &RunSpec,
    exit: &Exit,
) -> Result<Ending, SandboxError> {
    match watch::killer(&container.docker, &container.id, exit.started_at).await? {
        Killer::Kernel => Ok(Ending::OutOfMemory),
        Killer::Outsider { signal } => {
            Err(SandboxError::Interrupted { job: spec.job.clone(), signal })
        }
        Killer::Unknown => Ok(Ending::Killed),
    }
}

//! Owns the watching of a running container until it ends or has to be ended.

use std::collections::HashMap;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    EventsOptionsBuilder, KillContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::{Instant, sleep_until, timeout};

use super::capture::{Capture, Flow};
use super::error::{Doing, SandboxError};
use super::types::Ending;
use super::verdict::{Exit, Stop};

/// How long the streams may take to end after their process has.
const DRAIN: Duration = Duration::from_secs(30);
/// How long a killed container may take to stop.
const DIE: Duration = Duration::from_secs(30);
/// How far the engine's report of an event may lag behind the event.
const EVENT_LAG: Duration = Duration::from_secs(2);

/// Waits for the end of the agent, the breaking of a limit or the loss of the engine.
pub(super) async fn watch(
    docker: &Docker,
    id: &str,
    capture: &mut Capture,
    deadline: Instant,
) -> Result<Stop, SandboxError> {
    let mut exit = pin!(exited(docker, id));
    let flow = tokio::select! {
        () = sleep_until(deadline) => return Ok(Stop::Broke(Ending::Timeout)),
        flow = capture.read() => flow,
        exit = &mut exit => {
            exit?;
            return match timeout(DRAIN, capture.read()).await {
                Ok(Flow::Broke(ending)) => Ok(Stop::Broke(ending)),
                Ok(Flow::End) => Ok(Stop::Exited { whole: true }),
                Ok(Flow::Lost(_)) | Err(_) => Ok(Stop::Exited { whole: false }),
            };
        }
    };
    match flow {
        Flow::Broke(ending) => return Ok(Stop::Broke(ending)),
        Flow::Lost(error) => return Err(error).doing("streaming the output"),
        Flow::End => {}
    }
    // The streams end with the process, or the agent closed them and works on.
    tokio::select! {
        () = sleep_until(deadline) => Ok(Stop::Broke(Ending::Timeout)),
        exit = exit => exit.map(|()| Stop::Exited { whole: true }),
    }
}

/// Ends a container whose agent broke a limit, and takes its last words.
pub(super) async fn put_down(
    docker: &Docker,
    id: &str,
    capture: &mut Capture,
) -> Result<(), SandboxError> {
    let ((), ended) = tokio::join!(
        // Whatever is missing is beyond the verdict already.
        async { timeout(DIE, capture.drain()).await.unwrap_or_default() },
        kill(docker, id)
    );
    ended
}

async fn kill(docker: &Docker, id: &str) -> Result<(), SandboxError> {
    let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
    match docker.kill_container(id, Some(options)).await {
        // It was faster.
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
        Err(error) => return Err(error).doing("killing a container"),
    }
    match timeout(DIE, exited(docker, id)).await {
        Ok(exit) => exit,
        Err(_) => Err(DockerError::RequestTimeoutError).doing("killing a container"),
    }
}

/// How the container ended, as the engine stored it.
pub(super) fn exit(inspected: &ContainerInspectResponse) -> Result<Exit, SandboxError> {
    inspected.state.as_ref().and_then(Exit::of).ok_or_else(|| SandboxError::Refused {
        doing: "telling how a container ended",
        status: 500,
        message: format!("its state is {:?}", inspected.state),
    })
}

async fn exited(docker: &Docker, id: &str) -> Result<(), SandboxError> {
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    match pin!(docker.wait_container(id, Some(options))).next().await {
        // The client library calls every exit code but 0 an error.
        Some(Ok(_) | Err(DockerError::DockerContainerWaitError { .. })) => Ok(()),
        Some(Err(error)) => Err(error).doing("waiting for a container"),
        None => Err(closed()).doing("waiting for a container"),
    }
}

/// What a stream says that ends too early.
pub(super) fn closed() -> DockerError {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()
}

/// Who sent the signal that ended a container, if the engine knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Killer {
    /// The kernel, for memory.
    Kernel,
    /// Somebody through the engine, or the engine when it shut down.
    Outsider { signal: String },
    /// Nobody the engine knows of.
    Unknown,
}

/// Asks the engine's own record. Only for containers that the keeper did not kill.
pub(super) async fn killer(
    docker: &Docker,
    id: &str,
    since: SystemTime,
) -> Result<Killer, SandboxError> {
    let seconds = |t: SystemTime| t.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let filters = HashMap::from([
        ("container".to_owned(), vec![id.to_owned()]),
        ("event".to_owned(), vec!["oom".to_owned(), "kill".to_owned()]),
    ]);
    let options = EventsOptionsBuilder::default()
        .since(&seconds(since).to_string())
        .until(&seconds(SystemTime::now() + EVENT_LAG).to_string())
        .filters(&filters)
        .build();
    let mut events = pin!(docker.events(Some(options)));
    let mut killer = Killer::Unknown;
    while let Some(event) = events.next().await {
        let event = event.doing("telling who killed a container")?;
        match event.action.as_deref() {
            Some("oom") => return Ok(Killer::Kernel),
            Some("kill") => {
                let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
                let signal = attributes.get("signal").cloned().unwrap_or_default();
                killer = Killer::Outsider { signal };
            }
            _ => {}
        }
    }
    Ok(killer)
}

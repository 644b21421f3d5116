//! Owns the watching of a running container until it ends or has to be ended.

use std::pin::pin;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder};
use futures::StreamExt;
use tokio::time::{Instant, timeout};

use super::capture::{Capture, Flow};
use super::error::{Doing, SandboxError};
use super::outside::Outside;
use super::types::Ending;
use super::verdict::{Exit, Stop};

/// How long the streams may take to end after their process has.
const DRAIN: Duration = Duration::from_secs(30);
/// How long a killed container may take to stop.
const DIE: Duration = Duration::from_secs(30);

/// Waits for the end of the agent, the breaking of a limit or the loss of the engine. The time
/// limit counts from `began`, and not while the agent is paused.
pub(super) async fn watch(
    docker: &Docker,
    id: &str,
    capture: &mut Capture,
    outside: &mut Outside,
    (began, limit): (Instant, Duration),
) -> Result<Stop, SandboxError> {
    let mut exit = pin!(exited(docker, id));
    let mut run_out = pin!(outside.run_out(began, limit));
    loop {
        let flow = tokio::select! {
            () = &mut run_out => return Ok(Stop::Broke(Ending::Timeout)),
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
            Flow::Broke(Ending::Silent) if is_paused(docker, id).await => capture.excuse_silence(),
            Flow::Broke(ending) => return Ok(Stop::Broke(ending)),
            Flow::Lost(error) => return Err(error).doing("streaming the output"),
            Flow::End => break,
        }
    }
    // The streams end with the process, or the agent closed them and works on.
    tokio::select! {
        () = run_out => Ok(Stop::Broke(Ending::Timeout)),
        exit = exit => exit.map(|()| Stop::Exited { whole: true }),
    }
}

async fn is_paused(docker: &Docker, id: &str) -> bool {
    let inspected = docker.inspect_container(id, None).await;
    inspected.is_ok_and(|it| it.state.is_some_and(|state| state.paused == Some(true)))
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

/// Returns once the container does not run.
pub(super) async fn exited(docker: &Docker, id: &str) -> Result<(), SandboxError> {
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

//! Owns the removal of containers: always, and until they are gone.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::error::{Doing, SandboxError, is_not_found};

const GONE_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;

/// A container that is removed, in the background, when this is dropped.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) docker: Docker,
    pub(super) id: String,
    removals: TaskTracker,
}

impl Container {
    pub(super) fn new(docker: Docker, id: String, removals: TaskTracker) -> Self {
        Self { docker, id, removals }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Without a runtime there is nobody to do it: the next sweep will.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        self.removals.spawn_on(remove_stubbornly(docker, id), &runtime);
    }
}

async fn remove_stubbornly(docker: Docker, id: String) {
    for pause in (0..TRIES).map(|n| Duration::from_millis(200 << n)) {
        match remove(&docker, &id).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, container = id, "container not removed yet"),
        }
        tokio::time::sleep(pause).await;
    }
    tracing::warn!(container = id, "container could not be removed, it is left for the sweep");
}

/// Ends and removes a container with everything that belongs to it, and waits until it is gone.
pub(super) async fn remove(docker: &Docker, id: &str) -> Result<(), SandboxError> {
    let deadline = Instant::now() + GONE_WITHIN;
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    loop {
        match docker.remove_container(id, Some(options.clone())).await {
            Ok(()) => return Ok(()),
            Err(error) if is_not_found(&error) => return Ok(()),
            // Somebody else removes it already.
            Err(DockerError::DockerResponseServerError { status_code: 409, .. })
                if Instant::now() < deadline => {}
            Err(error) => return Err(error).doing("removing a container"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

//! Owns the removal of containers: always, and until they are gone. Only a keeper that leaves
//! lets those be that the next one can take over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptionsBuilder};
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::error::{Doing, SandboxError, is_not_found};

const MAKING: &str = "creating a container";
const GONE_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;

/// A container that is removed, in the background, when this is dropped.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) docker: Docker,
    pub(super) id: String,
    /// Whether it has its whole input, so that another process can finish it.
    pub(super) fed: AtomicBool,
    care: Care,
}

/// What all containers of a sandbox share.
#[derive(Debug, Clone)]
pub(super) struct Care {
    /// Held until the container is gone.
    pub(super) pending: TaskTrackerToken,
    /// Set when this process ends and the next one takes over.
    pub(super) leaving: Arc<AtomicBool>,
}

impl Container {
    pub(super) fn new(docker: Docker, id: String, care: Care) -> Self {
        Self { docker, id, fed: AtomicBool::new(false), care }
    }

    /// Makes a container; also gives the engine's warnings. Once asked for, it is made and
    /// owned even if the future is dropped before the engine answers.
    pub(super) async fn create(
        docker: Docker,
        options: CreateContainerOptions,
        body: ContainerCreateBody,
        care: Care,
    ) -> Result<(Self, Vec<String>), SandboxError> {
        let making = tokio::spawn(async move {
            let created = docker.create_container(Some(options), body).await.doing(MAKING)?;
            Ok((Self::new(docker, created.id, care), created.warnings))
        });
        making.await.unwrap_or_else(|error| {
            Err(DockerError::from(std::io::Error::from(error))).doing(MAKING)
        })
    }
}

impl Container {
    /// What the engine says of it.
    pub(super) async fn inspect(&self) -> Result<ContainerInspectResponse, SandboxError> {
        let answer = self.docker.inspect_container(&self.id, None).await;
        answer.doing("inspecting a container")
    }

    /// Removes it and waits until it is gone.
    pub(super) async fn remove(mut self) -> Result<(), SandboxError> {
        remove(&self.docker, &self.id).await?;
        self.id.clear();
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.id.is_empty() {
            return;
        }
        if self.care.leaving.load(Ordering::Relaxed) && self.fed.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime there is nobody to do it: the next sweep will.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        let pending = self.care.pending.clone();
        runtime.spawn(async move {
            remove_stubbornly(docker, id).await;
            drop(pending);
        });
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

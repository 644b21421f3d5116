//! Owns the running of agents: one image, one input, one locked container, one output.
//!
//! A run leaves nothing behind: whatever way it ends, also when its future is dropped, its
//! container is removed in the background. A container whose keeper died is either adopted
//! or removed (`docs/adr` tells how).

mod adopt;
mod capture;
mod container;
mod engine;
mod error;
mod hardening;
mod images;
mod labels;
mod lines;
mod run;
mod types;
mod usage;
mod verdict;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;

use bollard::Docker;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use container::Container;
use engine::Engine;
use error::Doing;
pub use error::SandboxError;
pub use types::{DockerConfig, Ending, Limits, LogLine, RunOutput, RunSpec, Usage};

/// Runs agents on one Docker engine. Clones share everything.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    config: DockerConfig,
    active: Mutex<HashSet<(String, u32)>>,
    pending: TaskTracker,
}

impl Sandbox {
    /// Takes the configuration; the engine itself may come up later.
    ///
    /// # Errors
    /// When `DOCKER_HOST` names an engine of another host.
    pub fn connect(config: DockerConfig) -> Result<Self, SandboxError> {
        let engine = Engine::new(config.socket.clone())?;
        let inner = Inner { engine, config, active: Mutex::default(), pending: TaskTracker::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the engine answers and can protect the host.
    ///
    /// # Errors
    /// Says what is wrong.
    pub async fn ping(&self) -> Result<(), SandboxError> {
        let answer = async { self.inner.engine.docker().await?.ping().await.doing("a ping") };
        self.inner.noting_faults(answer).await.map(drop)
    }

    /// Runs an agent to its end. What is left of an earlier run of the same job and attempt
    /// is removed first. Cancelling, like dropping the future, ends and removes the container.
    ///
    /// # Errors
    /// When there is no verdict on the agent; see [`SandboxError::is_retryable`].
    pub async fn run(
        &self,
        spec: RunSpec,
        log: mpsc::Sender<LogLine>,
        cancel: CancellationToken,
    ) -> Result<RunOutput, SandboxError> {
        hardening::check_spec(&spec)
            .map_err(|reason| SandboxError::InvalidSpec { job: spec.job.clone(), reason })?;
        let _active = self.inner.activate(&spec.job, spec.attempt);
        tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled { job: spec.job.clone() }),
            output = self.inner.noting_faults(run::run(&self.inner, &spec, log)) => output,
        }
    }

    /// Finishes the run that an earlier keeper process began, replaying its log from the
    /// beginning. `None` if there is no such run or it cannot be trusted to be whole; then
    /// nothing is left of it and it can be run again.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub async fn adopt(
        &self,
        job: &str,
        attempt: u32,
        log: mpsc::Sender<LogLine>,
        cancel: CancellationToken,
    ) -> Result<Option<RunOutput>, SandboxError> {
        let _active = self.inner.activate(job, attempt);
        tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled { job: job.to_owned() }),
            output = self.inner.noting_faults(adopt::adopt(&self.inner, job, attempt, log)) => output,
        }
    }

    /// Removes this keeper's containers of all jobs but those given and those running here.
    /// Returns how many were removed.
    ///
    /// # Errors
    /// When the engine fails; the rest is left for the next sweep.
    pub async fn sweep(&self, live: &[(String, u32)]) -> Result<usize, SandboxError> {
        let docker = self.inner.engine.docker().await?;
        let mut removed = 0;
        for found in labels::find(&docker, &self.inner.config.keeper_id, None).await? {
            let key = (found.job, found.attempt);
            if !live.contains(&key) && !self.inner.active.lock().contains(&key) {
                container::remove(&docker, &found.id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Waits until no run is under way and every container is removed, or given up for the
    /// sweep.
    pub async fn settled(&self) {
        self.inner.pending.close();
        self.inner.pending.wait().await;
        self.inner.pending.reopen();
    }
}

impl Inner {
    /// Keeps the sweep away while a run is under way.
    fn activate(&self, job: &str, attempt: u32) -> Active<'_> {
        let key = (job.to_owned(), attempt);
        self.active.lock().insert(key.clone());
        Active { inner: self, key }
    }

    /// Takes charge of a container's removal.
    fn own(&self, docker: &Docker, id: String) -> Container {
        Container::new(docker.clone(), id, self.pending.token())
    }

    async fn noting_faults<T>(
        &self,
        call: impl Future<Output = Result<T, SandboxError>>,
    ) -> Result<T, SandboxError> {
        call.await.inspect_err(|error| {
            if matches!(error, SandboxError::Unavailable { .. } | SandboxError::Unsafe { .. }) {
                self.engine.distrust();
            }
        })
    }
}

struct Active<'a> {
    inner: &'a Inner,
    key: (String, u32),
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.inner.active.lock().remove(&self.key);
    }
}

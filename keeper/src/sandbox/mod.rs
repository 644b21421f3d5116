//! Owns the running of agents: one image, one input, one locked container, one output.
//!
//! A run leaves nothing behind: whatever way it ends, also when its future is dropped, its
//! container is removed in the background; only the keeper's own end may leave it behind. A container whose keeper died is either adopted
//! or removed (`docs/adr` tells how).

mod adopt;
mod blame;
mod capture;
mod check;
mod clock;
mod container;
mod engine;
mod error;
mod hardening;
mod images;
mod labels;
mod lines;
mod outside;
mod run;
mod trial;
mod types;
mod usage;
mod verdict;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bollard::Docker;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use container::{Care, Container};
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
    /// Runs in which the engine was lost, or that others interrupted: what is left of them may
    /// be half the truth.
    lost: Mutex<HashSet<(String, u32)>>,
    /// Runs of this process whose agent was never started.
    unstarted: Mutex<HashSet<(String, u32)>>,
    /// Containers whose verdict is not stored yet, by job.
    held: Mutex<Vec<(String, Container)>>,
    leaving: Arc<AtomicBool>,
    pending: TaskTracker,
}

impl Sandbox {
    /// Takes the configuration; the engine itself may come up later.
    ///
    /// # Errors
    /// When `DOCKER_HOST` names an engine of another host.
    pub fn connect(config: DockerConfig) -> Result<Self, SandboxError> {
        let pending = TaskTracker::new();
        let engine = Engine::new(&config, pending.clone())?;
        let inner = Inner {
            engine,
            config,
            active: Mutex::default(),
            lost: Mutex::default(),
            unstarted: Mutex::default(),
            held: Mutex::default(),
            leaving: Arc::default(),
            pending,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the engine answers, can protect the host, and runs a container as agents are run.
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
        // On the heap: these futures are large, and a worker's stack is small.
        let run = Box::pin(run::run(&self.inner, &spec, log));
        let run = self.inner.noting_loss(&spec.job, spec.attempt, run);
        tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled { job: spec.job.clone() }),
            output = self.inner.noting_faults(run) => output,
        }
    }

    /// Finishes the run that an earlier keeper process began, replaying its log from the
    /// beginning. `None` if there is no such run or it cannot be trusted to be whole, as when
    /// this process lost the engine in it; then nothing is left of it and it can be run again.
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
        let adopt = async {
            // An engine that is not there yet was not lost.
            self.inner.engine.docker().await?;
            let adopt = Box::pin(adopt::adopt(&self.inner, job, attempt, log));
            self.inner.noting_loss(job, attempt, adopt).await
        };
        tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled { job: job.to_owned() }),
            output = self.inner.noting_faults(adopt) => output,
        }
    }

    /// Removes this keeper's containers of all jobs but those given and those running here.
    /// Returns how many were removed. Trials of the engine that a killed process left behind go,
    /// too, and are not counted.
    ///
    /// # Errors
    /// When the engine fails; the rest is left for the next sweep.
    pub async fn sweep(&self, live: &[(String, u32)]) -> Result<usize, SandboxError> {
        let docker = self.inner.engine.docker().await?;
        let mut removed = 0;
        for found in labels::find(&docker, &self.inner.config, None).await? {
            let key = (found.job, found.attempt);
            if !live.contains(&key) && !self.inner.active.lock().contains(&key) {
                container::remove(&docker, &found.id).await?;
                removed += 1;
            }
        }
        for found in labels::find_trials(&docker, &self.inner.config).await? {
            if !trial::is_own(&found.job) {
                container::remove(&docker, &found.id).await?;
            }
        }
        Ok(removed)
    }

    /// Whether this process tried that run and its agent was never started: then the same
    /// attempt can be made again.
    pub fn never_began(&self, job: &str, attempt: u32) -> bool {
        self.inner.unstarted.lock().contains(&(job.to_owned(), attempt))
    }

    /// The verdict on that job is stored, or of no use: its container is removed if it was held.
    pub fn release(&self, job: &str) {
        self.inner.held.lock().retain(|(held, _)| held != job);
        self.inner.unstarted.lock().retain(|(unstarted, _)| unstarted != job);
    }

    /// For a process that ends: from now on agents that have their whole input are left to the
    /// next process, which adopts them, instead of being removed when their runs are dropped.
    pub fn leave(&self) {
        let mut held = self.inner.held.lock();
        self.inner.leaving.store(true, Ordering::Relaxed);
        held.clear();
    }

    /// Waits until no run is under way and every container is removed, left, or given up for
    /// the sweep. A held one is waited for until it is released.
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
        Container::new(docker.clone(), id, self.care())
    }

    fn care(&self) -> Care {
        Care { pending: self.pending.token(), leaving: self.leaving.clone() }
    }

    /// Keeps a container on whose run there is a verdict, if that is wanted.
    fn hold(&self, job: &str, container: Container) {
        let mut held = self.held.lock();
        if self.config.hold && !self.leaving.load(Ordering::Relaxed) {
            held.push((job.to_owned(), container));
        }
    }

    async fn noting_loss<T>(
        &self,
        job: &str,
        attempt: u32,
        call: impl Future<Output = Result<T, SandboxError>>,
    ) -> Result<T, SandboxError> {
        call.await.inspect_err(|error| {
            if matches!(error, SandboxError::Unavailable { .. } | SandboxError::Interrupted { .. })
            {
                self.lost.lock().insert((job.to_owned(), attempt));
            }
        })
    }

    /// Notes whether the agent of that run is still to be started.
    fn note_unstarted(&self, job: &str, attempt: u32, unstarted: bool) {
        let (key, mut noted) = ((job.to_owned(), attempt), self.unstarted.lock());
        if unstarted {
            noted.insert(key);
        } else {
            noted.remove(&key);
        }
    }

    /// Whether the engine was lost in that run.
    fn was_lost(&self, job: &str, attempt: u32) -> bool {
        self.lost.lock().contains(&(job.to_owned(), attempt))
    }

    /// For who has removed all that was left of that run.
    fn forget_loss(&self, job: &str, attempt: u32) {
        self.lost.lock().remove(&(job.to_owned(), attempt));
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

//! Owns the trial of an engine: whether it makes, protects and runs a container as agents are
//! run, shown with a tiny image of the keeper's own. What it refuses there, no agent is to blame
//! for, and no job need be begun to find out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::container::{Care, Container};
use super::error::{Doing, SandboxError};
use super::types::{DockerConfig, Limits, RunSpec};
use super::{hardening, labels, watch};
use crate::image::AgentImage;
use crate::image::rules::Platform;

/// How long a passed trial is trusted where the engine's process cannot be told from another.
const TRUST: Duration = Duration::from_secs(600);
/// Younger trials that were passed are not doubted.
const FRESH: Duration = Duration::from_secs(30);
/// Shortest and longest pause after a failed trial.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// How long the program, which ends at once, may take.
const END: Duration = Duration::from_secs(30);
/// Begins the names of trials, which are no jobs.
const JOB: &str = "trial";

/// The trials of one engine, one at a time.
#[derive(Debug)]
pub(super) struct Trials {
    config: DockerConfig,
    last: tokio::sync::Mutex<Option<Verdict>>,
    doubted: AtomicBool,
    pending: TaskTracker,
}

/// How the last trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Verdict {
    instance: Option<String>,
    at: Instant,
    refusal: Option<String>,
    failures: u32,
}

impl Verdict {
    /// Whether this can be said again without another trial.
    fn holds(&self, instance: Option<&str>, doubted: bool) -> bool {
        if self.instance.as_deref() != instance {
            return false;
        }
        let age = self.at.elapsed();
        match self.refusal {
            Some(_) => age < PAUSES.0.saturating_mul(1 << self.failures.min(8)).min(PAUSES.1),
            None => age < FRESH || (!doubted && (instance.is_some() || age < TRUST)),
        }
    }

    fn answer(&self) -> Result<(), SandboxError> {
        match &self.refusal {
            None => Ok(()),
            Some(missing) => Err(SandboxError::Unsafe { missing: missing.clone() }),
        }
    }
}

impl Trials {
    pub(super) fn new(config: DockerConfig, pending: TaskTracker) -> Self {
        Self {
            config,
            last: tokio::sync::Mutex::default(),
            doubted: AtomicBool::default(),
            pending,
        }
    }

    /// Ends the trust in a passed trial.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Whether that process of the engine runs what agents are run in. Each is tried once, and
    /// again when doubted; one that failed, after growing pauses.
    pub(super) async fn pass(
        &self,
        docker: &Docker,
        platform: &Platform,
        instance: Option<String>,
    ) -> Result<(), SandboxError> {
        let mut last = self.last.lock().await;
        let doubted = self.doubted.swap(false, Ordering::Relaxed);
        if let Some(verdict) = &*last
            && verdict.holds(instance.as_deref(), doubted)
        {
            return verdict.answer();
        }
        let failures = last.as_ref().map_or(0, |verdict| verdict.failures);
        let refusal = match self.attempt(docker, platform).await {
            Ok(()) => None,
            Err(SandboxError::Unsafe { missing }) => Some(missing),
            Err(SandboxError::Refused { doing, message, .. }) => Some(format!(
                "it refuses {doing} with the protections of agents: {message}; agents need Docker \
                 Engine itself, in working order"
            )),
            Err(error) => return Err(error),
        };
        let failures = if refusal.is_some() { failures.saturating_add(1) } else { 0 };
        let verdict = Verdict { instance, at: Instant::now(), refusal, failures };
        last.insert(verdict).answer()
    }

    /// Makes, checks, runs and removes one container.
    async fn attempt(&self, docker: &Docker, platform: &Platform) -> Result<(), SandboxError> {
        let Ok(Some(image)) = AgentImage::trial(&platform.architecture) else {
            tracing::debug!(%platform, "no trial for such engines");
            return Ok(());
        };
        let image = image.load_into(docker).await.doing("loading an image")?;
        let spec = spec();
        let body = hardening::container(&spec, &image, labels::of_trial(&self.config, &spec));
        let name = labels::unfed_name(&self.config, &spec);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let care = Care { pending: self.pending.token(), leaving: Arc::default() };
        let (container, warnings) =
            Container::create(docker.clone(), options, body.clone(), care).await?;
        hardening::check_made(&body, &warnings, &container).await?;
        docker.start_container(&container.id, None).await.doing("starting a container")?;
        let code = match timeout(END, watch::exited(docker, &container.id)).await {
            Ok(ended) => {
                ended?;
                let inspected = docker.inspect_container(&container.id, None).await;
                let state = inspected.doing("inspecting a container")?.state.unwrap_or_default();
                state.exit_code
            }
            Err(_) => return Err(DockerError::RequestTimeoutError).doing("ending a container"),
        };
        container.remove().await?;
        match code {
            Some(0) => Ok(()),
            other => Err(SandboxError::Unsafe {
                missing: format!(
                    "a program that does nothing ended with exit code {other:?} on it"
                ),
            }),
        }
    }
}

/// Whether a trial is one of this process, under way.
pub(super) fn is_own(job: &str) -> bool {
    job.starts_with(&own_jobs())
}

fn own_jobs() -> String {
    format!("{JOB}-{}-", std::process::id())
}

/// An agent's run in small.
fn spec() -> RunSpec {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    RunSpec {
        job: format!("{}{}", own_jobs(), COUNT.fetch_add(1, Ordering::Relaxed)),
        attempt: 0,
        image_digest: B256::ZERO,
        repository: None,
        args: Vec::new(),
        env: vec![("NEXUS_JOB".to_owned(), JOB.to_owned())],
        input: Bytes::new(),
        limits: Limits {
            seconds: END.as_secs(),
            silence_seconds: None,
            memory_bytes: 64 << 20,
            cpu_millis: 1000,
            pids: 16,
            tmp_bytes: 1 << 20,
            output_bytes: 1 << 10,
            log_bytes: 1 << 10,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(instance: Option<&str>, refused: bool, failures: u32, age: u64) -> Verdict {
        Verdict {
            instance: instance.map(str::to_owned),
            at: Instant::now().checked_sub(Duration::from_secs(age)).expect("a machine that is up"),
            refusal: refused.then(|| "no".to_owned()),
            failures,
        }
    }

    #[test]
    fn a_passed_trial_holds_for_that_process_of_the_engine_until_doubted() {
        let passed = verdict(Some("7-1"), false, 0, 20);
        assert!(passed.holds(Some("7-1"), false));
        assert!(verdict(Some("7-1"), false, 0, 40).holds(Some("7-1"), false));
        assert!(!verdict(Some("7-1"), false, 0, 40).holds(Some("7-1"), true));
        assert!(!passed.holds(Some("8-1"), false));
        assert!(!passed.holds(None, false));
        assert!(verdict(None, false, 0, 20).holds(None, false));
    }

    #[test]
    fn a_failed_trial_is_repeated_after_growing_pauses() {
        for (failures, still, over) in [(1, 2, 5), (2, 6, 9), (9, 28, 31)] {
            assert!(verdict(Some("7-1"), true, failures, still).holds(Some("7-1"), true));
            assert!(!verdict(Some("7-1"), true, failures, over).holds(Some("7-1"), false));
        }
    }
}

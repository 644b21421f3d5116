//! Owns how containers are marked, named and found again.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::hex;
use alloy::primitives::keccak256;
use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::clock;
use super::error::{Doing, SandboxError};
use super::types::{DockerConfig, Limits, RunSpec};
use super::verdict;

const KEEPER: &str = "agentnexus.keeper";
const DEPLOYMENT: &str = "agentnexus.deployment";
const JOB: &str = "agentnexus.job";
const ATTEMPT: &str = "agentnexus.attempt";
const LIMITS: &str = "agentnexus.limits";
const BOOT: &str = "agentnexus.boot";
const ENGINE: &str = "agentnexus.engine";
const CLOCK: &str = "agentnexus.clock";
const TRIAL: &str = "agentnexus.trial";

/// The end of a container's name says whether its whole input has reached the engine: a
/// name, other than a label, can change while the container runs, and outlives the keeper.
const FED: &str = "-fed";
/// Before it stands when the container was started, in Unix milliseconds.
const STARTED: &str = "-s";

/// `engine` names the engine's process, if that is known.
pub(super) fn of(
    config: &DockerConfig,
    spec: &RunSpec,
    engine: Option<String>,
) -> HashMap<String, String> {
    let limits = serde_json::to_string(&spec.limits).unwrap_or_default();
    [
        (KEEPER, config.keeper_id.clone()),
        (DEPLOYMENT, config.deployment.clone()),
        (JOB, spec.job.clone()),
        (ATTEMPT, spec.attempt.to_string()),
        (LIMITS, limits),
        (BOOT, boot_id()),
        (ENGINE, engine.unwrap_or_default()),
        (CLOCK, clock::offset().map(|offset| offset.to_string()).unwrap_or_default()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Marks a trial of the engine, which is no job: it is found by [`find_trials`] alone.
pub(super) fn of_trial(config: &DockerConfig, spec: &RunSpec) -> HashMap<String, String> {
    let mut labels = of(config, spec, None);
    labels.remove(KEEPER);
    labels.insert(TRIAL.to_owned(), config.keeper_id.clone());
    labels
}

/// The name while the input is on its way. Names are unique on an engine, so the keeper and
/// what it serves are part of them.
pub(super) fn unfed_name(config: &DockerConfig, spec: &RunSpec) -> String {
    let keeper = format!("{} {}", config.keeper_id, config.deployment);
    let keeper = hex::encode(&keccak256(keeper)[..4]);
    format!("nexus-{keeper}-{}-{}", spec.job, spec.attempt)
}

/// The name once the input is complete.
pub(super) fn fed_name(
    config: &DockerConfig,
    spec: &RunSpec,
    started: Option<SystemTime>,
) -> String {
    let started = started.map(|at| format!("{STARTED}{}", millis(at))).unwrap_or_default();
    unfed_name(config, spec) + &started + FED
}

fn millis(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// A container of this keeper, as found on the engine.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) job: String,
    pub(super) attempt: u32,
    /// Unix seconds.
    pub(super) created: i64,
}

/// How old a trial gets only if its keeper died in the middle of it.
const ORPHANED: Duration = Duration::from_secs(600);

/// All containers of a keeper, running or not; of one job and attempt if those are given.
pub(super) async fn find(
    docker: &Docker,
    config: &DockerConfig,
    only: Option<(&str, u32)>,
) -> Result<Vec<Found>, SandboxError> {
    let mut labels = vec![format!("{KEEPER}={}", config.keeper_id)];
    if let Some((job, attempt)) = only {
        labels.push(format!("{JOB}={job}"));
        labels.push(format!("{ATTEMPT}={attempt}"));
    }
    list(docker, config, labels).await
}

/// All trials that a keeper made or left behind, and those of other keepers that are long dead:
/// nobody has any use for them.
pub(super) async fn find_trials(
    docker: &Docker,
    config: &DockerConfig,
) -> Result<Vec<Found>, SandboxError> {
    let mut trials = list(docker, config, vec![format!("{TRIAL}={}", config.keeper_id)]).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let oldest = i64::try_from(now.saturating_sub(ORPHANED).as_secs()).unwrap_or(i64::MAX);
    let all = list_labelled(docker, vec![TRIAL.to_owned()]).await?;
    trials.extend(all.into_iter().filter(|trial| trial.created < oldest));
    Ok(trials)
}

async fn list(
    docker: &Docker,
    config: &DockerConfig,
    mut labels: Vec<String>,
) -> Result<Vec<Found>, SandboxError> {
    labels.push(format!("{DEPLOYMENT}={}", config.deployment));
    list_labelled(docker, labels).await
}

async fn list_labelled(docker: &Docker, labels: Vec<String>) -> Result<Vec<Found>, SandboxError> {
    let filters = HashMap::from([("label".to_owned(), labels)]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = docker.list_containers(Some(options)).await.doing("listing containers")?;
    Ok(listed.into_iter().filter_map(found).collect())
}

fn found(summary: ContainerSummary) -> Option<Found> {
    let labels = summary.labels.unwrap_or_default();
    Some(Found {
        id: summary.id?,
        job: labels.get(JOB)?.clone(),
        attempt: labels.get(ATTEMPT)?.parse().ok()?,
        created: summary.created.unwrap_or(i64::MAX),
    })
}

/// The limits a container was made with, if its run can be finished by another keeper
/// process: the input is complete, and neither the host nor the engine has been restarted
/// since. Such an engine can no longer tell how the agent ended, or stored only a part of what
/// it said. Nor was the container itself started again: its second process had no input.
pub(super) fn adoptable(container: &ContainerInspectResponse, engine: &str) -> Option<Limits> {
    let labels = container.config.as_ref()?.labels.as_ref()?;
    let fed = container.name.as_deref().and_then(|name| name.strip_suffix(FED));
    let noted = fed?.rsplit_once(STARTED).and_then(|(_, noted)| noted.parse::<u128>().ok());
    let state = container.state.as_ref()?;
    let started = verdict::time(state.started_at.as_deref()).map(millis);
    let same_start = noted.is_none() || noted == started;
    let same_boot = labels.get(BOOT).is_some_and(|boot| *boot == boot_id());
    let limits = serde_json::from_str(labels.get(LIMITS)?).ok()?;
    let same_engine = labels.get(ENGINE).is_some_and(|made_by| made_by == engine);
    (same_start && same_boot && same_engine).then_some(limits)
}

/// By how much the wall clock was set since the container was made, in milliseconds.
pub(super) fn clock_step(container: &ContainerInspectResponse) -> i64 {
    let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
    let noted = labels.and_then(|labels| labels.get(CLOCK));
    clock::step_since(noted.and_then(|offset| offset.parse().ok()))
}

/// Changes with every start of the machine.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

//! Owns the measuring of what a container uses.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures::StreamExt;
use tokio::time::Instant;

use super::types::Usage;

const SHORTEST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Between two questions to the engine, which answers slowly.
const ENGINE_PAUSE: Duration = Duration::from_millis(500);

/// Samples for ever, at first often, so that short runs are seen too. Never returns; what
/// cannot be read is tried again, for a missing figure must not fail a run.
pub(super) async fn sample(
    docker: &Docker,
    container: &str,
    pid: Option<i64>,
    usage: &mut Usage,
) -> Infallible {
    match control_group(container, pid) {
        Some(group) => sample_files(&group, usage).await,
        None => sample_engine(docker, container, usage).await,
    }
}

/// The kernel's own figures, where this process can see them.
fn control_group(container: &str, pid: Option<i64>) -> Option<ControlGroup> {
    let pid = pid.filter(|pid| *pid > 0)?;
    let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let group = ControlGroup::of(&membership, container, Path::new("/sys/fs/cgroup"))?;
    group.memory.exists().then_some(group)
}

async fn sample_files(group: &ControlGroup, usage: &mut Usage) -> Infallible {
    let began = Instant::now();
    loop {
        group.note(usage);
        // A steady share of the run so far: the last sample misses at most that share.
        tokio::time::sleep((began.elapsed() / 32).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}

async fn sample_engine(docker: &Docker, container: &str, usage: &mut Usage) -> Infallible {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    loop {
        let mut answers = std::pin::pin!(docker.stats(container, Some(options.clone())));
        match answers.next().await {
            Some(Ok(stats)) => note(usage, &stats),
            Some(Err(error)) => tracing::debug!(%error, container, "no usage sample"),
            None => {}
        }
        tokio::time::sleep(ENGINE_PAUSE).await;
    }
}

/// Where the kernel tells a container's figures.
#[derive(Debug, PartialEq, Eq)]
struct ControlGroup {
    cpu: PathBuf,
    memory: PathBuf,
}

impl ControlGroup {
    /// From a process's `/proc/<pid>/cgroup`, for either version of control groups. `None`
    /// if the process is not of this container: its number may be another's by now.
    fn of(membership: &str, container: &str, root: &Path) -> Option<Self> {
        let group = |controller: &str| {
            membership.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let controllers = fields.next()?;
                let path = fields.next()?;
                let named = controllers.split(',').any(|name| name == controller);
                (named && path.contains(container)).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        if let (Some(cpu), Some(memory)) = (group("cpuacct"), group("memory")) {
            return Some(Self {
                cpu: root.join("cpuacct").join(cpu).join("cpuacct.usage"),
                memory: root.join("memory").join(memory).join("memory.max_usage_in_bytes"),
            });
        }
        let unified = root.join(group("")?);
        let peak = unified.join("memory.peak");
        let memory = if peak.exists() { peak } else { unified.join("memory.current") };
        Some(Self { cpu: unified.join("cpu.stat"), memory })
    }

    /// Figures only grow: at the end of a container the files are gone.
    fn note(&self, usage: &mut Usage) {
        let cpu = fs::read_to_string(&self.cpu).unwrap_or_default();
        let micros = match cpu.trim().parse::<u64>() {
            Ok(nanos) => nanos / 1000,
            Err(_) => cpu
                .lines()
                .find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok())
                .unwrap_or(0),
        };
        let memory = fs::read_to_string(&self.memory).unwrap_or_default();
        let bytes = memory.trim().parse().unwrap_or(0);
        usage.cpu_micros = usage.cpu_micros.max(micros);
        usage.peak_memory_bytes = usage.peak_memory_bytes.max(bytes);
    }
}

/// As the engine tells it; a container that is gone reports zeros.
fn note(usage: &mut Usage, stats: &ContainerStatsResponse) {
    let cpu = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref());
    let cpu_nanos = cpu.and_then(|cpu| cpu.total_usage).unwrap_or(0);
    usage.cpu_micros = usage.cpu_micros.max(cpu_nanos / 1000);
    let memory = stats.memory_stats.as_ref();
    // Only cgroup v1 reports the peak itself.
    let peak = memory.and_then(|memory| memory.max_usage.max(memory.usage)).unwrap_or(0);
    usage.peak_memory_bytes = usage.peak_memory_bytes.max(peak);
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;

//! Owns the measuring of what a container uses.

use std::convert::Infallible;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures::StreamExt;

use super::types::Usage;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Samples for ever, at first often, so that short runs are seen too. Never returns; what
/// cannot be read is tried again, for a missing figure must not fail a run.
pub(super) async fn sample(docker: &Docker, container: &str, usage: &mut Usage) -> Infallible {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let mut pause = FIRST_PAUSE;
    loop {
        let mut answers = std::pin::pin!(docker.stats(container, Some(options.clone())));
        match answers.next().await {
            Some(Ok(stats)) => note(usage, &stats),
            Some(Err(error)) => tracing::debug!(%error, container, "no usage sample"),
            None => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Figures only grow: a container that is gone reports zeros.
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
mod tests {
    use super::*;
    use bollard::models::{ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats};

    fn stats(nanos: u64, usage: u64, max_usage: Option<u64>) -> ContainerStatsResponse {
        let cpu_usage = ContainerCpuUsage { total_usage: Some(nanos), ..Default::default() };
        let memory = ContainerMemoryStats { usage: Some(usage), max_usage, ..Default::default() };
        ContainerStatsResponse {
            cpu_stats: Some(ContainerCpuStats { cpu_usage: Some(cpu_usage), ..Default::default() }),
            memory_stats: Some(memory),
            ..Default::default()
        }
    }

    #[test]
    fn the_highest_figures_stay_under_both_cgroup_versions() {
        let mut usage = Usage::default();
        note(&mut usage, &stats(5_000_000, 10, Some(90)));
        note(&mut usage, &stats(7_000_000, 120, None));
        note(&mut usage, &ContainerStatsResponse::default());
        note(&mut usage, &stats(0, 0, None));
        assert_eq!(usage, Usage { cpu_micros: 7000, peak_memory_bytes: 120 });
    }
}

//! Metrics: one recorder per process, however many keepers it embeds.

use std::sync::OnceLock;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The process's recorder, installed at the first call.
pub(crate) fn recorder() -> anyhow::Result<PrometheusHandle> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    match metrics::set_global_recorder(recorder) {
        Ok(()) => {
            describe();
            Ok(RECORDER.get_or_init(|| handle).clone())
        }
        // Another thread was faster; its handle is there in a moment, or never.
        Err(_) => RECORDER.get().cloned().context("another metrics recorder is installed"),
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("nexus_keeper_up", "Whether a part that the keeper needs works");
    describe_gauge!("nexus_keeper_head_block", "Newest block seen");
    describe_gauge!("nexus_keeper_cursor_block", "Newest block taken in");
    describe_gauge!("nexus_keeper_outbox", "Pieces of work owed");
    describe_gauge!("nexus_keeper_jobs", "Jobs by state");
    describe_counter!("nexus_keeper_blocks_total", "Blocks taken in");
    describe_counter!("nexus_keeper_reorged_blocks_total", "Blocks taken back");
    describe_counter!("nexus_keeper_chain_errors_total", "Times the watching began anew");
    describe_counter!("nexus_keeper_runs_total", "Runs by outcome");
    describe_counter!("nexus_keeper_runs_adopted_total", "Runs of an earlier life taken over");
    describe_counter!("nexus_keeper_troubles_total", "Failed tries by phase");
    describe_counter!("nexus_keeper_bundles_mined_total", "Bundles mined");
    describe_counter!("nexus_keeper_bundles_replaced_total", "Bundles sent for higher fees");
    describe_counter!("nexus_keeper_operations_refused_total", "Operations refused beforehand");
    describe_counter!("nexus_keeper_containers_swept_total", "Containers without a job removed");
    describe_histogram!("nexus_keeper_phase_seconds", "Time that a phase took");
    describe_histogram!("nexus_keeper_bundle_operations", "Operations in a bundle");
}

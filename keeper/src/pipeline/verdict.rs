//! From how a container ended to the record of the run.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::keccak256;
use domain::job::RunRecord;
use domain::manifest::Manifest;
use domain::receipt::Outcome;

use crate::sandbox::{Ending, RunOutput};
use crate::store::now_millis;

/// 128 + SIGKILL: a process that exits so cannot be told from one that was killed so, where the
/// engine knows of no kill.
const KILLED: i64 = 137;

/// Judges a finished run. Only exit code 0 with an output as promised is a success.
pub(super) fn judge(attempt: u32, output: &RunOutput, manifest: &Manifest) -> RunRecord {
    let (mut outcome, mut detail) = ending(output);
    if outcome.is_ok()
        && let Err(error) = manifest.check_output(&output.result)
    {
        outcome = Outcome::OutputInvalid;
        detail = format!("the output is not what the manifest promises: {error}");
    }
    // A failed run has no result: what it wrote is not vouched for.
    let result: &[u8] = if outcome.is_ok() { &output.result } else { &[] };
    RunRecord {
        attempt,
        outcome,
        exit_code: output.exit_code.unwrap_or(-1),
        detail,
        result_hash: keccak256(result),
        log_hash: keccak256(&output.log),
        started_at: millis(output.started_at),
        // A clock that was set back in between must not make the receipt invalid.
        finished_at: millis(output.finished_at).max(millis(output.started_at)),
        cpu_micros: output.usage.cpu_micros,
        peak_memory_bytes: output.usage.peak_memory_bytes,
    }
}

fn ending(output: &RunOutput) -> (Outcome, String) {
    let (outcome, detail) = match output.ending {
        Ending::Success => (Outcome::Ok, "exit code 0".into()),
        Ending::NonZeroExit(KILLED) => (
            Outcome::NonZeroExit,
            "exit code 137: its own, or that of a SIGKILL from outside the engine".into(),
        ),
        Ending::NonZeroExit(code) => (Outcome::NonZeroExit, format!("exit code {code}")),
        Ending::Timeout => (Outcome::Timeout, "ran longer than its time limit".into()),
        Ending::Silent => (Outcome::Timeout, "wrote nothing for longer than allowed".into()),
        Ending::OutOfMemory => (Outcome::OutOfMemory, "used more memory than allowed".into()),
        Ending::OutputTooLarge => {
            (Outcome::OutputOverCap, "wrote a larger result than allowed".into())
        }
        Ending::LogTooLarge => (Outcome::LogOverCap, "wrote a larger log than allowed".into()),
        Ending::ImageMissing => (Outcome::ImageMissing, "the image is not to be had".into()),
    };
    (outcome, detail)
}

/// The record of a job that ended without a run.
pub(super) fn not_run(outcome: Outcome, detail: &str) -> RunRecord {
    let now = now_millis();
    RunRecord {
        attempt: 0,
        outcome,
        exit_code: -1,
        detail: detail.into(),
        result_hash: keccak256([]),
        log_hash: keccak256([]),
        started_at: now,
        finished_at: now,
        cpu_micros: 0,
        peak_memory_bytes: 0,
    }
}

fn millis(time: SystemTime) -> u64 {
    let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Usage;

    fn manifest(kind: &str) -> Manifest {
        let text = format!(
            r#"{{"name":"a","version":"1","description":"d",
            "input":{{"mediaType":"text/plain; charset=utf-8","minBytes":1,"maxBytes":10}},
            "output":{{"kind":"{kind}","maxBytes":100}},
            "limits":{{"seconds":5,"memoryBytes":16777216,"cpuMillis":500,"pids":8,
            "tmpBytes":0,"logBytes":100}}}}"#
        );
        Manifest::parse(text.as_bytes()).unwrap()
    }

    fn output(ending: Ending, result: &'static [u8]) -> RunOutput {
        RunOutput {
            ending,
            exit_code: Some(i64::from(ending != Ending::Success)),
            result: result.into(),
            log: "log".into(),
            usage: Usage::default(),
            started_at: UNIX_EPOCH,
            finished_at: UNIX_EPOCH + std::time::Duration::from_millis(1500),
        }
    }

    #[test]
    fn only_a_clean_exit_with_the_promised_output_succeeds() {
        let judged = judge(2, &output(Ending::Success, b"fine"), &manifest("text"));
        assert_eq!((judged.outcome, judged.attempt), (Outcome::Ok, 2));
        assert_eq!(judged.result_hash, keccak256("fine"));
        assert_eq!((judged.started_at, judged.finished_at), (0, 1500));
        for ending in [
            Ending::NonZeroExit(3),
            Ending::Timeout,
            Ending::Silent,
            Ending::OutOfMemory,
            Ending::OutputTooLarge,
            Ending::LogTooLarge,
            Ending::ImageMissing,
        ] {
            let judged = judge(1, &output(ending, b"looks fine"), &manifest("text"));
            assert!(!judged.outcome.is_ok(), "{ending:?}");
            assert_eq!(judged.result_hash, keccak256([]), "{ending:?}");
            assert_eq!(judged.log_hash, keccak256("log"));
        }
    }

    #[test]
    fn exit_code_137_is_shown_as_the_agents_own_unless_proved_otherwise() {
        let output = RunOutput { exit_code: Some(137), ..output(Ending::NonZeroExit(137), b"") };
        let judged = judge(1, &output, &manifest("text"));
        assert_eq!((judged.outcome, judged.exit_code), (Outcome::NonZeroExit, 137));
        assert!(judged.detail.starts_with("exit code 137"), "{}", judged.detail);
    }

    #[test]
    fn a_broken_promise_about_the_output_is_a_failure() {
        let judged = judge(1, &output(Ending::Success, b"{not json"), &manifest("json"));
        assert_eq!(judged.outcome, Outcome::OutputInvalid);
        assert_eq!(judged.result_hash, keccak256([]));
        let judged = judge(1, &output(Ending::Success, b"{\"a\":1}"), &manifest("json"));
        assert_eq!(judged.outcome, Outcome::Ok);
    }
}

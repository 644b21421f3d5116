//! Owns the judgement: from how a container stopped to how the run ended.

use std::time::{Duration, SystemTime};

use bollard::models::ContainerState;

use super::clock::Took;
use super::types::{Ending, Limits};

/// 128 + SIGKILL. The first process of a container cannot send itself this signal, but it can
/// exit with the same number.
pub(super) const KILLED: i64 = 137;

/// Why the keeper stopped watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The agent ended. `whole` is false if its streams did not come to an end.
    Exited { whole: bool },
    /// A limit was broken.
    Broke(Ending),
}

/// How the engine says the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) code: i64,
    pub(super) out_of_memory: bool,
    pub(super) started_at: SystemTime,
    pub(super) finished_at: SystemTime,
}

impl Exit {
    /// `None` while it runs, and if it never did.
    pub(super) fn of(state: &ContainerState) -> Option<Self> {
        let started_at = time(state.started_at.as_deref())?;
        let finished_at = time(state.finished_at.as_deref())?;
        if state.running == Some(true) {
            return None;
        }
        Some(Self {
            code: state.exit_code?,
            out_of_memory: state.oom_killed == Some(true),
            started_at,
            finished_at,
        })
    }

    /// How long it ran by the engine's stamps; `step` is by how much the wall clock was set
    /// meanwhile, in milliseconds.
    pub(super) fn took(&self, step: i64) -> Took {
        Took::by_stamps(self.started_at, self.finished_at, step)
    }

    /// How the run ended, or `None` if it cannot be told whether that was in time.
    pub(super) fn judge(&self, stop: Stop, limits: &Limits, took: Took) -> Option<Ending> {
        if let Stop::Broke(ending) = stop {
            return Some(ending);
        }
        if self.out_of_memory {
            return Some(Ending::OutOfMemory);
        }
        match (took.exceeds(Duration::from_secs(limits.seconds))?, self.code) {
            (true, _) => Some(Ending::Timeout),
            (false, 0) => Some(Ending::Success),
            (false, code) => Some(Ending::NonZeroExit(code)),
        }
    }
}

/// A moment as the engine writes it; the year 1 stands for never.
pub(super) fn time(text: Option<&str>) -> Option<SystemTime> {
    let time: jiff::Timestamp = text?.parse().ok()?;
    (time.as_second() > 0).then(|| time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        seconds: 10,
        silence_seconds: None,
        memory_bytes: 64 << 20,
        cpu_millis: 500,
        pids: 16,
        tmp_bytes: 0,
        output_bytes: 8,
        log_bytes: 8,
    };
    const EXITED: Stop = Stop::Exited { whole: true };

    fn state(code: i64, oom: bool, finished: &str) -> ContainerState {
        ContainerState {
            running: Some(false),
            exit_code: Some(code),
            oom_killed: Some(oom),
            started_at: Some("2024-02-29T23:59:59.5Z".to_owned()),
            finished_at: Some(finished.to_owned()),
            ..Default::default()
        }
    }

    fn judged(code: i64, oom: bool, finished: &str, stop: Stop) -> Option<Ending> {
        let exit = Exit::of(&state(code, oom, finished)).expect("an exit");
        exit.judge(stop, &LIMITS, exit.took(0))
    }

    #[test]
    fn only_a_clean_exit_within_the_limits_is_success() {
        let soon = "2024-03-01T00:00:01.123456789Z";
        let late = "2024-03-01T00:00:09.6Z";
        assert_eq!(judged(0, false, soon, EXITED), Some(Ending::Success));
        assert_eq!(judged(0, true, soon, EXITED), Some(Ending::OutOfMemory));
        assert_eq!(judged(0, false, late, EXITED), Some(Ending::Timeout));
        assert_eq!(judged(3, false, soon, EXITED), Some(Ending::NonZeroExit(3)));
        assert_eq!(judged(KILLED, true, soon, EXITED), Some(Ending::OutOfMemory));
        assert_eq!(judged(KILLED, false, soon, EXITED), Some(Ending::NonZeroExit(KILLED)));
        for broke in [Ending::Timeout, Ending::OutputTooLarge, Ending::LogTooLarge] {
            assert_eq!(judged(0, false, soon, Stop::Broke(broke)), Some(broke));
        }
    }

    #[test]
    fn a_wall_clock_set_ahead_makes_no_timeout_of_what_was_watched() {
        let an_hour_on = "2024-03-01T01:00:03Z";
        let exit = Exit::of(&state(0, false, an_hour_on)).expect("an exit");
        let judged = |took: Took| exit.judge(EXITED, &LIMITS, took);
        assert_eq!(judged(exit.took(0)), Some(Ending::Timeout), "with nothing else to go by");
        assert_eq!(judged(exit.took(3_600_000)), None, "nobody watched: it is run again");
        let watched = Duration::from_secs(4);
        assert_eq!(judged(exit.took(3_600_000).within(watched)), Some(Ending::Success));
        assert_eq!(judged(exit.took(0).within(watched)), Some(Ending::Success));
    }

    #[test]
    fn what_never_ran_or_still_runs_has_no_exit() {
        let mut never = state(0, false, "0001-01-01T00:00:00Z");
        assert_eq!(Exit::of(&never), None);
        never.started_at = Some("0001-01-01T00:00:00Z".to_owned());
        assert_eq!(Exit::of(&never), None);
        let mut running = state(0, false, "2024-03-01T00:00:01Z");
        running.running = Some(true);
        assert_eq!(Exit::of(&running), None);
    }
}

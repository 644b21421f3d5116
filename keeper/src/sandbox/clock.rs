//! Owns how long an agent has run, whatever is done to the machine's wall clock meanwhile.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ticks of `/proc` in a second: the same on every machine that runs containers.
const TICKS: u64 = 100;
/// Differences up to this are the wall clock's ordinary correction, not a step of it.
const SLEWED: i64 = 1000;

/// The process of a container, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Since its start, by a clock that nobody sets.
    pub(super) age: Duration,
    /// Whether a signal stopped it. Nothing within a container can do that to its first process.
    pub(super) stopped: bool,
}

impl Process {
    /// Reads `/proc`. `None` if the number is not that of a process of this container, as where
    /// this program does not see the host's processes.
    pub(super) fn of(pid: Option<i64>, container: &str) -> Option<Self> {
        let pid = pid.filter(|pid| *pid > 0)?;
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        if container.is_empty() || !membership.contains(container) {
            return None;
        }
        let about = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&about, &fs::read_to_string("/proc/uptime").ok()?)
    }

    fn parse(about: &str, uptime: &str) -> Option<Self> {
        // `pid (name) state ..`: the start time is field 22, and a name may hold anything.
        let (_, rest) = about.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let stopped = fields.next()? == "T";
        let ticks: u64 = fields.nth(18)?.parse().ok()?;
        let started = Duration::from_millis(ticks * 1000 / TICKS);
        Some(Self { age: boot_time(uptime)?.saturating_sub(started), stopped })
    }
}

/// Time since the machine's start.
fn boot_time(uptime: &str) -> Option<Duration> {
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Milliseconds between the wall clock and the one that nobody sets: another number after the
/// wall clock was set. `None` if this system does not tell.
pub(super) fn offset() -> Option<i64> {
    let up = boot_time(&fs::read_to_string("/proc/uptime").ok()?)?;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(millis(wall) - millis(up))
}

/// By how much the wall clock was set since the offset was noted, in milliseconds.
pub(super) fn step_since(noted: Option<i64>) -> i64 {
    match (noted, offset()) {
        (Some(then), Some(now)) if (now - then).abs() > SLEWED => now - then,
        _ => 0,
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// How long a run took: between two bounds, which differ if the wall clock was set meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Took {
    least: Duration,
    most: Duration,
}

impl Took {
    /// From the engine's stamps. Whether a `step` of the wall clock, in milliseconds, came before
    /// or after the end of the run cannot be told.
    pub(super) fn by_stamps(started: SystemTime, finished: SystemTime, step: i64) -> Self {
        let stamped = match finished.duration_since(started) {
            Ok(forth) => millis(forth),
            Err(back) => -millis(back.duration()),
        };
        let positive = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let (one, other) = (positive(stamped), positive(stamped.saturating_sub(step)));
        Self { least: one.min(other), most: one.max(other) }
    }

    /// Takes into account that whoever watched had to wait no longer than that.
    #[must_use]
    pub(super) fn within(self, watched: Duration) -> Self {
        Self { least: self.least.min(watched), most: self.most.min(watched) }
    }

    /// Leaves out the time in which the agent was paused.
    #[must_use]
    pub(super) fn without(self, paused: Duration) -> Self {
        Self { least: self.least.saturating_sub(paused), most: self.most.saturating_sub(paused) }
    }

    /// Whether it was longer than the limit; `None` if that cannot be told.
    pub(super) fn exceeds(&self, limit: Duration) -> Option<bool> {
        let (least, most) = (self.least > limit, self.most > limit);
        (least == most).then_some(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn after(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(1_000_000.0 + seconds)
    }

    fn took(finished: f64, step: i64) -> Took {
        Took::by_stamps(after(0.0), after(finished), step)
    }

    #[test]
    fn the_age_of_a_process_comes_from_the_clock_that_nobody_sets() {
        let stat = "4242 (a) (b) S 1 4242 4242 0 -1 4194560 103 0 0 0 0 0 0 0 20 0 1 0 \
                    123456 1000 25 18446744073709551615 1 1";
        let process = Process::parse(stat, "1300.56 2600.00\n").expect("a process");
        assert_eq!(process, Process { age: Duration::from_secs(66), stopped: false });
        let stopped = Process::parse(&stat.replace(" S ", " T "), "1300.56 1").expect("a process");
        assert!(stopped.stopped);
        assert_eq!(Process::parse("rubbish", "1 1"), None);
        assert_eq!(Process::parse("1 (x) S 1 2", "1 1"), None);
    }

    #[test]
    fn a_process_of_nobody_or_of_another_container_has_no_age() {
        let own = i64::from(std::process::id());
        for (pid, container) in
            [(None, "c0ffee"), (Some(0), "c0ffee"), (Some(own), "c0ffee"), (Some(own), "")]
        {
            assert_eq!(Process::of(pid, container), None);
        }
    }

    #[test]
    fn without_a_step_the_stamps_decide() {
        assert_eq!(took(9.9, 0).exceeds(LIMIT), Some(false));
        assert_eq!(took(10.1, 0).exceeds(LIMIT), Some(true));
        assert_eq!(took(-5.0, 0).exceeds(LIMIT), Some(false));
    }

    #[test]
    fn after_a_step_only_what_holds_either_way_is_a_verdict() {
        let hour = 3_600_000;
        // Set ahead during the run, or after it: only that one could be a timeout.
        assert_eq!(took(3603.0, hour).exceeds(LIMIT), None);
        assert_eq!(took(3620.0, hour).exceeds(LIMIT), Some(true));
        // Set back.
        assert_eq!(took(-3590.0, -hour).exceeds(LIMIT), Some(false));
        assert_eq!(took(-3580.0, -hour).exceeds(LIMIT), None);
        assert_eq!(took(3.0, -hour).exceeds(LIMIT), None);
    }

    #[test]
    fn what_was_watched_is_known_whatever_the_stamps_say() {
        for step in [0, 3_600_000, -3_600_000] {
            let seen = took(3603.0, step).within(Duration::from_secs(4));
            assert_eq!(seen.exceeds(LIMIT), Some(false));
        }
    }

    #[test]
    fn paused_time_does_not_count() {
        assert_eq!(took(25.0, 0).without(Duration::from_secs(16)).exceeds(LIMIT), Some(false));
        assert_eq!(took(27.0, 0).without(Duration::from_secs(16)).exceeds(LIMIT), Some(true));
    }

    #[test]
    fn a_clock_that_nobody_sets_has_no_step() {
        assert_eq!(step_since(offset()), 0);
        assert_eq!(step_since(None), 0);
        let then = offset().expect("a Linux") - 3_600_000;
        assert!((step_since(Some(then)) - 3_600_000).abs() < 100);
    }
}

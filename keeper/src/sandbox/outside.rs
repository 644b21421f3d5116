//! Owns what others do to a container through the engine while its agent runs: signals, pauses,
//! restarts and other limits. None of it is the agent's doing, and none is charged to it.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::clock::Process;
use super::error::SandboxError;
use super::types::Ending;

/// How far the engine's report of an event may lag behind the event.
const EVENT_LAG: Duration = Duration::from_secs(2);
/// How soon an event comes that the engine knows of.
const QUIET: Duration = Duration::from_millis(200);
/// Pause between two looks at a container that is paused.
const LOOK: Duration = Duration::from_secs(1);
/// The events that matter.
const EVENTS: [&str; 7] = ["start", "die", "oom", "kill", "pause", "unpause", "update"];

type Events = Pin<Box<dyn Stream<Item = Result<EventMessage, DockerError>> + Send>>;

/// The engine's record of one container, from its beginning and as it goes on.
pub(super) struct Outside {
    docker: Docker,
    id: String,
    events: Option<Events>,
    known: Known,
}

/// What was done so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    starts: u32,
    ended: bool,
    out_of_memory: bool,
    signal: Option<String>,
    updated: bool,
    paused: Duration,
    paused_since: Option<Instant>,
}

impl Outside {
    /// Follows a container, however long it has been there. A container's name is unique for
    /// ever, so that the engine's memory of others does not matter.
    pub(super) fn follow(docker: &Docker, id: &str) -> Self {
        let filters = HashMap::from([
            ("container".to_owned(), vec![id.to_owned()]),
            ("event".to_owned(), EVENTS.map(str::to_owned).to_vec()),
        ]);
        // From the first moment on: what the engine still remembers comes at once.
        let options = EventsOptionsBuilder::default().since("1").filters(&filters).build();
        let (events, docker) = (docker.events(Some(options)), docker.clone());
        Self { docker, id: id.to_owned(), events: Some(Box::pin(events)), known: Known::default() }
    }

    /// Takes one event in; waits for ever if the engine tells no more.
    async fn take_event(&mut self) {
        // However fast events come, who waits for something else gets a turn.
        tokio::task::consume_budget().await;
        let Some(events) = &mut self.events else { return std::future::pending().await };
        match events.next().await {
            Some(Ok(event)) => self.known.note(&event, Instant::now(), SystemTime::now()),
            Some(Err(error)) => {
                tracing::debug!(%error, container = self.id, "events of a container are lost");
                self.events = None;
            }
            None => self.events = None,
        }
    }

    /// Returns when the agent has had its time since `began`, not counting that in which it was
    /// paused. Events do not put that off, however many the agent provokes.
    pub(super) async fn run_out(&mut self, began: Instant, limit: Duration) {
        let mut looked = Instant::now();
        loop {
            let look = match self.known.paused_since {
                None => began + limit + self.known.paused,
                Some(since) => since.max(looked) + LOOK,
            };
            tokio::select! {
                biased;
                () = sleep_until(look) => {}
                () = self.take_event() => continue,
            }
            self.catch_up().await;
            looked = Instant::now();
            let due = Instant::now() >= began + limit + self.paused();
            if (due || self.known.paused_since.is_some()) && self.has_run_out().await {
                return;
            }
        }
    }

    /// Takes in all that the engine has to tell by now, but not for longer than it may lag.
    async fn catch_up(&mut self) {
        let end = Instant::now() + EVENT_LAG;
        while self.take_event_before(end.min(Instant::now() + QUIET)).await {
            if Instant::now() >= end {
                tracing::debug!(container = self.id, "events of a container do not cease");
                return;
            }
        }
    }

    /// Takes one event in unless it is too late; returns whether there was one.
    async fn take_event_before(&mut self, end: Instant) -> bool {
        Instant::now() < end && timeout_at(end, self.take_event()).await.is_ok()
    }

    /// Whether time is really up: asks the engine, for an event may be late or lost.
    async fn has_run_out(&mut self) -> bool {
        let state = match self.docker.inspect_container(&self.id, None).await {
            Ok(inspected) => inspected.state.unwrap_or_default(),
            Err(_) => return self.known.paused_since.is_none(),
        };
        if state.paused == Some(true) {
            self.known.pause(Instant::now());
            return false;
        }
        if self.known.paused_since.is_some() {
            self.known.go_on(Instant::now());
            return false;
        }
        if Process::of(state.pid, &self.id).is_some_and(|process| process.stopped) {
            self.known.signal.get_or_insert_with(|| "SIGSTOP".to_owned());
        }
        true
    }

    /// Takes in what was done until the container ended, which it has.
    pub(super) async fn settle(&mut self) {
        if self.events.is_none() {
            *self = Self::follow(&self.docker, &self.id);
        }
        let end = Instant::now() + EVENT_LAG;
        while !self.known.ended && self.events.is_some() {
            if !self.take_event_before(end).await {
                tracing::debug!(container = self.id, "the engine does not tell of its end");
                return;
            }
        }
    }

    /// Time in which the agent was paused.
    pub(super) fn paused(&self) -> Duration {
        self.known.paused_until(Instant::now())
    }

    /// Whether the whole of what was done is known, up to the container's end.
    pub(super) fn tells_all(&self) -> bool {
        self.known.ended
    }

    /// Whether the kernel killed one of its processes for memory.
    pub(super) fn out_of_memory(&self) -> bool {
        self.known.out_of_memory
    }

    /// Refuses a verdict that is not on the agent alone.
    pub(super) fn check_untouched(&self, job: &str, ending: Ending) -> Result<(), SandboxError> {
        match self.known.spoils(ending) {
            Some(by) => Err(SandboxError::Interrupted { job: job.to_owned(), signal: by }),
            None => Ok(()),
        }
    }
}

impl Known {
    fn note(&mut self, event: &EventMessage, now: Instant, wall: SystemTime) {
        let at = event.time_nano.and_then(|nanos| u64::try_from(nanos).ok());
        let at = at.map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos)).unwrap_or(wall);
        // An event that the engine remembered is as old as the wall clock says.
        let at = now.checked_sub(wall.duration_since(at).unwrap_or_default()).unwrap_or(now);
        match event.action.as_deref() {
            Some("start") => self.starts += 1,
            Some("die") => self.ended = true,
            Some("oom") => self.out_of_memory = true,
            Some("update") => self.updated = true,
            Some("pause") => self.pause(at),
            Some("unpause") => self.go_on(at),
            Some("kill") => {
                let attributes = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
                let signal = attributes.and_then(|attributes| attributes.get("signal"));
                self.signal.get_or_insert_with(|| signal.cloned().unwrap_or_default());
            }
            _ => {}
        }
    }

    fn pause(&mut self, at: Instant) {
        let since = self.paused_since.get_or_insert(at);
        *since = at.min(*since);
    }

    fn go_on(&mut self, at: Instant) {
        self.paused = self.paused_until(at);
        self.paused_since = None;
    }

    fn paused_until(&self, at: Instant) -> Duration {
        let since = self.paused_since.map(|since| at.saturating_duration_since(since));
        self.paused + since.unwrap_or_default()
    }

    /// What others did that such an ending may come from. What an agent wrote beyond its caps,
    /// it wrote.
    fn spoils(&self, ending: Ending) -> Option<String> {
        if matches!(ending, Ending::OutputTooLarge | Ending::LogTooLarge) {
            return None;
        }
        if self.starts > 1 {
            return Some("a restart".to_owned());
        }
        if let Some(signal) = self.signal.as_ref().filter(|_| !self.out_of_memory) {
            return Some(format!("signal {signal}"));
        }
        let changed = self.updated && ending != Ending::Success;
        changed.then(|| "a change of its limits".to_owned())
    }
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;

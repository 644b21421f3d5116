//! What others did, and which verdicts it spoils.

use bollard::API_DEFAULT_VERSION;
use bollard::models::EventActor;
use futures::stream;
use tokio::time::{sleep, timeout};

use super::*;

/// The record of events, each with its age in seconds, noted now.
fn known(events: &[(&str, u64)]) -> Known {
    let (now, wall) = (Instant::now(), SystemTime::now());
    let mut known = Known::default();
    for (action, age) in events {
        let (action, signal) = action.split_once(' ').unwrap_or((*action, "9"));
        let at = wall.duration_since(UNIX_EPOCH).expect("a time") - Duration::from_secs(*age);
        let attributes = HashMap::from([("signal".to_owned(), signal.to_owned())]);
        let event = EventMessage {
            action: Some(action.to_owned()),
            actor: Some(EventActor { attributes: Some(attributes), ..Default::default() }),
            time_nano: Some(i64::try_from(at.as_nanos()).expect("a time")),
            ..Default::default()
        };
        known.note(&event, now, wall);
    }
    known
}

#[tokio::test]
async fn an_untouched_run_is_the_agents_own_whatever_its_exit_code() {
    let alone = known(&[("start", 5), ("die", 0)]);
    for ending in [Ending::Success, Ending::NonZeroExit(137), Ending::Timeout] {
        assert_eq!(alone.spoils(ending), None);
    }
    assert!(alone.ended);
}

#[tokio::test]
async fn a_signal_spoils_even_what_looks_like_success() {
    let stopped = known(&[("start", 5), ("kill 15", 1), ("kill 9", 0), ("die", 0)]);
    for ending in [Ending::Success, Ending::NonZeroExit(143), Ending::Timeout] {
        assert_eq!(stopped.spoils(ending).as_deref(), Some("signal 15"));
    }
    assert_eq!(stopped.spoils(Ending::OutputTooLarge), None);
}

#[tokio::test]
async fn the_kernels_own_kill_is_no_interference() {
    let hog = known(&[("start", 5), ("oom", 0), ("die", 0)]);
    assert!(hog.out_of_memory);
    assert_eq!(hog.spoils(Ending::OutOfMemory), None);
}

#[tokio::test]
async fn restarts_and_other_limits_spoil() {
    let again = known(&[("start", 5), ("die", 2), ("start", 1), ("die", 0)]);
    assert_eq!(again.spoils(Ending::Success).as_deref(), Some("a restart"));
    let updated = known(&[("start", 5), ("update", 2), ("oom", 0), ("die", 0)]);
    assert_eq!(updated.spoils(Ending::OutOfMemory).as_deref(), Some("a change of its limits"));
    assert_eq!(updated.spoils(Ending::Success), None);
}

#[tokio::test]
async fn pauses_are_added_up_from_the_events_own_times() {
    let about = |duration: Duration, seconds: u64| {
        let difference = duration.abs_diff(Duration::from_secs(seconds));
        assert!(difference < Duration::from_secs(1), "{duration:?} of {seconds}");
    };
    let twice = known(&[("start", 9), ("pause", 8), ("unpause", 6), ("pause", 4), ("unpause", 3)]);
    about(twice.paused_until(Instant::now()), 3);
    assert_eq!(twice.paused_since, None);
    let still = known(&[("start", 9), ("pause", 8), ("unpause", 6), ("pause", 4)]);
    about(still.paused_until(Instant::now()), 6);
    assert_eq!(known(&[("unpause", 3)]).paused_until(Instant::now()), Duration::ZERO);
}

/// A container of which these events are told, by an engine that answers nothing else.
fn told(events: impl Stream<Item = EventMessage> + Send + 'static) -> Outside {
    let docker = Docker::connect_with_http("http://127.0.0.1:1", 1, API_DEFAULT_VERSION);
    Outside {
        docker: docker.expect("a client"),
        id: "one".into(),
        events: Some(Box::pin(events.map(Ok))),
        known: Known::default(),
    }
}

fn oom() -> EventMessage {
    EventMessage { action: Some("oom".into()), ..Default::default() }
}

#[tokio::test]
async fn an_agent_that_provokes_events_without_end_still_runs_out_of_its_time() {
    let often = stream::repeat(()).then(|()| async {
        sleep(QUIET / 4).await;
        oom()
    });
    let mut outside = told(often);
    let run_out = outside.run_out(Instant::now(), Duration::from_millis(1));
    timeout(Duration::from_secs(60), run_out).await.expect("its time is up");
    timeout(Duration::from_secs(60), outside.settle()).await.expect("its end is not waited for");
    assert!(outside.out_of_memory() && !outside.tells_all());
}

#[tokio::test]
async fn events_that_are_always_there_leave_a_turn_to_others() {
    let mut outside = told(stream::repeat_with(oom));
    let run_out = outside.run_out(Instant::now(), Duration::from_millis(1));
    timeout(Duration::from_secs(60), run_out).await.expect("its time is up");
}

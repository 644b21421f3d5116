//! The live part of a run: the keeper's events of one order, over lost connections.

use std::{sync::Mutex, time::Duration};

use domain::job::Kind;
use futures::StreamExt as _;
use serde::Serialize;
use tokio::time::sleep;

use super::{Order, watch::current};
use crate::{
    api::{Api, Event, EventKind},
    failure::Failure,
    output::Output,
    patience::Hiccups,
};

/// How long to wait before connecting again.
const RECONNECT: Duration = Duration::from_millis(200);
/// States after which the chain shows how a purchase ended.
const ENDS: [Kind; 2] = [Kind::Settled, Kind::Final];

/// A state and the time it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateAt {
    /// Name of the state.
    pub state: String,
    /// Unix milliseconds.
    pub at: u64,
}

/// Where a keeper's events lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The chain shows how it ended.
    Settled,
    /// The keeper waits for its operator.
    Stuck,
}

/// What the keeper told so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    cursor: u64,
    /// States in the order they came.
    pub states: Vec<StateAt>,
    /// Lines of the agent's log.
    pub log: Vec<String>,
}

impl Story {
    /// Reads events until the keeper has nothing more to do, going on after lost connections.
    /// Each connection is made only while the keeper's job is this order: before, it has not
    /// caught up with the chain, and its events are of another purchase.
    pub async fn stream(&mut self, api: &Api, out: Output, order: &Mutex<Order>) -> End {
        let mut hiccups = Hiccups::new(out, "follow the keeper's events");
        loop {
            match self.connection(api, out, order).await {
                Ok(()) => {
                    hiccups.went_well();
                    if self.ended() {
                        return End::Settled;
                    }
                    if self.is(Kind::Stuck) {
                        return End::Stuck;
                    }
                    // Not seen yet, or closed while the job goes on by a keeper that restarts.
                    sleep(RECONNECT).await;
                }
                Err(error) => {
                    if self.ended() {
                        return End::Settled;
                    }
                    hiccups.wait_after(&error).await;
                }
            }
        }
    }

    /// One connection, until the end of the job or of the connection.
    async fn connection(
        &mut self,
        api: &Api,
        out: Output,
        order: &Mutex<Order>,
    ) -> anyhow::Result<()> {
        if !is_seen(api, order).await? {
            return Ok(());
        }
        let mut events = api.events(current(order).purchase_id.0, self.cursor).await?;
        // A reorganisation may have come between the first comparison and the connection.
        is_seen(api, order).await?;
        while let Some(event) = events.next().await {
            self.take(event?, out);
            if self.ended() {
                break;
            }
        }
        Ok(())
    }

    fn is(&self, kind: Kind) -> bool {
        self.states.last().is_some_and(|last| last.state == kind.name())
    }

    fn ended(&self) -> bool {
        ENDS.iter().any(|end| self.is(*end))
    }

    fn take(&mut self, event: Event, out: Output) {
        if event.cursor <= self.cursor && self.cursor != 0 {
            return;
        }
        self.cursor = event.cursor;
        match event.what {
            EventKind::State { state } => {
                // A job that tries again and again says so once.
                if !self.is_named(&state) {
                    out.component("keeper", &format!("job is {state}"));
                }
                self.states.push(StateAt { state, at: event.at });
            }
            EventKind::Log { line } => {
                out.component("agent", &line);
                self.log.push(line);
            }
            EventKind::Other => {}
        }
    }

    fn is_named(&self, state: &str) -> bool {
        self.states.last().is_some_and(|last| last.state == state)
    }
}

/// Tells whether the keeper has seen the order; fails while it has another one under the number.
async fn is_seen(api: &Api, order: &Mutex<Order>) -> anyhow::Result<bool> {
    let order = current(order);
    let id = order.purchase_id;
    let Some(job) = api.job(id.0).await? else { return Ok(false) };
    match order.difference(&job) {
        None => Ok(true),
        Some(difference) => Err(Failure::Service(format!(
            "the keeper still has another order under the number {id} ({difference}): it has not \
             caught up with the chain"
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(events: &[(u64, &str)]) -> Story {
        let mut story = Story::default();
        for (cursor, state) in events {
            let what = EventKind::State { state: (*state).to_owned() };
            story.take(Event { cursor: *cursor, at: *cursor, what }, Output::new(false, true));
        }
        story
    }

    #[test]
    fn only_the_last_state_decides() {
        assert!(story(&[(1, "seen"), (2, "sent"), (3, "settled")]).ended());
        assert!(story(&[(1, "settled"), (2, "final")]).ended());
        assert!(!story(&[(1, "settled"), (2, "sent")]).ended(), "a settlement was reorganised");
        assert!(story(&[(1, "running"), (2, "stuck")]).is(Kind::Stuck));
        assert!(!story(&[(1, "stuck"), (2, "running")]).is(Kind::Stuck), "tried again");
    }

    #[test]
    fn events_that_come_twice_after_a_lost_connection_count_once() {
        let story = story(&[(1, "seen"), (2, "running"), (1, "seen"), (2, "running")]);
        assert_eq!(story.states.len(), 2);
        assert_eq!(story.cursor, 2);
    }
}

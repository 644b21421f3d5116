//! Owns the event stream of a job: everything from a cursor on, then what happens, until
//! the job has ended.
//!
//! Events are read from the store page by page as the client takes them, so a slow client
//! costs one page of memory, and one that takes nothing is dropped.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::error::ApiError;
use super::jobs::{LARGEST_ID, find};
use crate::store::{Change, EventKind, EventRow, Store, StoreError};

/// Events read at once.
const PAGE: u32 = 128;
/// A client that takes no message for this long is gone.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// Silence is broken this often, so that dead connections are noticed.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Clients have nothing to say; what they say is not kept.
const LARGEST_MESSAGE: usize = 4096;

/// Where to begin: after this event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    #[serde(default)]
    cursor: u64,
}

#[derive(Serialize)]
struct EventView<'a> {
    cursor: u64,
    at: u64,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum What<'a> {
    State { state: &'a str },
    Log { line: &'a str },
}

pub(super) async fn stream(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    from: Result<Query<From>, axum::extract::rejection::QueryRejection>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let Query(from) = from.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let row = find(&shared.api.store, &id).await?;
    let upgrade = upgrade.map_err(|error| {
        ApiError::bad_request(format!("events come by WebSocket only: {}", error.body_text()))
    })?;
    let place = shared.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| ApiError::busy("too many event streams are open"))?;
    let feed = Feed {
        changes: shared.api.store.changes(),
        store: shared.api.store.clone(),
        shutdown: shared.shutdown.clone(),
        job: row.id,
        first: row.first_event,
        cursor: from.cursor.min(LARGEST_ID).max(row.first_event.saturating_sub(1)),
    };
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE);
    Ok(upgrade.on_upgrade(async move |socket| {
        feed.serve(socket).await;
        drop(place);
    }))
}

/// Why a stream ends.
enum End {
    /// The job has ended and everything was sent.
    Done,
    /// The job's number went to another order, after a reorganisation of the chain.
    Replaced,
    /// The keeper shuts down.
    Away,
    /// The store failed.
    Failed(StoreError),
    /// There is nobody to tell.
    Gone,
}

struct Feed {
    store: Store,
    changes: Receiver<Change>,
    shutdown: CancellationToken,
    job: u64,
    /// The first event of the order that is watched.
    first: u64,
    cursor: u64,
}

impl Feed {
    async fn serve(mut self, mut socket: WebSocket) {
        let (code, reason) = match self.run(&mut socket).await {
            End::Done => (close_code::NORMAL, "the job has ended"),
            End::Replaced => (close_code::NORMAL, "another order has this number now"),
            End::Away => (close_code::AWAY, "the keeper shuts down: continue from your cursor"),
            End::Failed(error) => {
                tracing::warn!(%error, job = self.job, "event stream broken off");
                (close_code::ERROR, "the store failed: continue from your cursor")
            }
            End::Gone => return,
        };
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if timeout(TAKEN_WITHIN, socket.send(close)).await.is_ok_and(|sent| sent.is_ok()) {
            // The client answers the close, or it does not.
            let _: Result<_, _> = timeout(Duration::from_secs(1), socket.recv()).await;
        }
    }

    async fn run(&mut self, socket: &mut WebSocket) -> End {
        loop {
            let read = self.store.job_and_events(self.job, self.cursor, PAGE).await;
            let (row, mut page) = match read {
                Ok(read) => read,
                Err(error) => return End::Failed(error),
            };
            let full = page.len() == PAGE as usize;
            let ended = row.as_ref().is_none_or(|row| row.state.is_terminal());
            let next = row.map(|row| row.first_event).filter(|first| *first != self.first);
            if let Some(next) = next {
                page.retain(|event| event.cursor < next);
            }
            for event in &page {
                if !send(socket, view(event)).await {
                    return End::Gone;
                }
                self.cursor = event.cursor;
            }
            if next.is_some() && page.len() < PAGE as usize {
                return End::Replaced;
            }
            if self.shutdown.is_cancelled() {
                return End::Away;
            }
            if full {
                continue;
            }
            if ended {
                return End::Done;
            }
            if let Some(end) = self.wait(socket).await {
                return end;
            }
        }
    }

    /// Until something may have happened to the job.
    async fn wait(&mut self, socket: &mut WebSocket) -> Option<End> {
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Some(End::Away),
                change = self.changes.recv() => match change {
                    Ok(change) if change.job != self.job => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return None,
                    Err(RecvError::Closed) => return Some(End::Away),
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Some(End::Gone),
                    // Pings are answered by the library; all else is nothing to us.
                    Some(Ok(_)) => {}
                },
                _ = heartbeat.tick() => {
                    if !send(socket, Message::Ping(bytes::Bytes::new())).await {
                        return Some(End::Gone);
                    }
                }
            }
        }
    }
}

fn view(event: &EventRow) -> Message {
    let what = match event.kind {
        EventKind::State => What::State { state: &event.text },
        EventKind::Log => What::Log { line: &event.text },
    };
    let view = EventView { cursor: event.cursor, at: event.at, what };
    // Numbers and strings always make JSON.
    Message::Text(serde_json::to_string(&view).unwrap_or_default().into())
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    timeout(TAKEN_WITHIN, socket.send(message)).await.is_ok_and(|sent| sent.is_ok())
}

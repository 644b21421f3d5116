//! What watchers of a job see: its states and its log lines, in one numbered sequence.

use rusqlite::{Connection, Transaction, params};

use super::actor::Store;
use super::error::StoreError;
use super::jobs::{self, JobRow};
use super::values::{int, now_millis, uint, unreadable};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The job entered the state that the text names.
    State,
    /// The agent wrote the line of log in the text.
    Log,
}

impl EventKind {
    const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Log => "log",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number; ever rising, over all jobs.
    pub cursor: u64,
    /// The job.
    pub job: u64,
    /// Unix milliseconds.
    pub at: u64,
    /// What it is about.
    pub kind: EventKind,
    /// A state's name, or one line of log.
    pub text: String,
}

impl Store {
    /// Up to `limit` events of a job with numbers above `after`, ascending.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn events(
        &self,
        job: u64,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.call(move |connection| page(connection, job, after, limit)).await
    }

    /// The same together with the job itself, as both stood at one moment.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn job_and_events(
        &self,
        job: u64,
        after: u64,
        limit: u32,
    ) -> Result<(Option<JobRow>, Vec<EventRow>), StoreError> {
        self.call(move |connection| {
            let tx = connection.transaction()?;
            Ok((jobs::find(&tx, job)?, page(&tx, job, after, limit)?))
        })
        .await
    }

    /// Appends log lines of a run that began at that version of its job: pairs of Unix
    /// milliseconds and text.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the job has moved on, so that its number may be another
    /// order's by now, or a fault of the store; no line is kept then.
    pub async fn append_log(
        &self,
        (job, version): (u64, u64),
        attempt: u32,
        lines: Vec<(u64, String)>,
    ) -> Result<(), StoreError> {
        self.write_and_tell(false, move |tx, changed| {
            jobs::expect(tx, job, version)?;
            for (at, text) in &lines {
                insert(tx, job, *at, EventKind::Log, attempt, text)?;
            }
            changed.push(job);
            Ok(())
        })
        .await
    }

    /// Counts the stored log lines of a run for the present order of that number, so that a
    /// replay can skip them.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn log_lines(&self, job: u64, attempt: u32) -> Result<u64, StoreError> {
        self.call(move |connection| {
            let count = connection.query_row(
                "SELECT count(*) FROM events WHERE job = ?1 AND attempt = ?2 AND kind = 'log'
                 AND cursor >= (SELECT coalesce(max(first_event), 0) FROM jobs WHERE id = ?1)",
                params![int(job), attempt],
                |row| row.get(0),
            )?;
            Ok(uint(count))
        })
        .await
    }
}

fn page(
    connection: &Connection,
    job: u64,
    after: u64,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT cursor, job, at, kind, text FROM events
         WHERE job = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
    )?;
    let rows = statement.query_map(params![int(job), int(after), limit], |row| {
        let kind: String = row.get(3)?;
        Ok((uint(row.get(0)?), uint(row.get(1)?), uint(row.get(2)?), kind, row.get(4)?))
    })?;
    rows.map(|row| {
        let (cursor, job, at, kind, text) = row?;
        let kind = match kind.as_str() {
            "state" => EventKind::State,
            "log" => EventKind::Log,
            other => return Err(unreadable("event kind", &other)),
        };
        Ok(EventRow { cursor, job, at, kind, text })
    })
    .collect()
}

/// Records that a job entered its present state.
pub(super) fn insert_state(tx: &Transaction<'_>, row: &JobRow) -> Result<(), StoreError> {
    insert(tx, row.id, now_millis(), EventKind::State, 0, row.state.kind().name())
}

/// Returns the number of a job's newest event.
pub(super) fn last(tx: &Transaction<'_>, job: u64) -> Result<u64, StoreError> {
    let newest = "SELECT coalesce(max(cursor), 0) FROM events WHERE job = ?1";
    Ok(uint(tx.prepare_cached(newest)?.query_row([int(job)], |row| row.get(0))?))
}

fn insert(
    tx: &Transaction<'_>,
    job: u64,
    at: u64,
    kind: EventKind,
    attempt: u32,
    text: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO events (job, at, kind, attempt, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![int(job), int(at), kind.name(), attempt, text])?;
    Ok(())
}

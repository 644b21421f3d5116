//! Jobs and the work they owe. A job moves only through [`domain::job::step`].

use alloy::primitives::keccak256;
use bytes::Bytes;
use domain::job::{Effect, Event, Kind, Purchase, State, step};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::actor::Store;
use super::blobs;
use super::error::StoreError;
use super::events;
use super::former;
use super::values::{from_json, int, now_millis, to_json, uint, unreadable};

/// A job as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Number of the job, which is that of its purchase.
    pub id: u64,
    /// Counts its changes.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub updated_at: u64,
    /// Number of its first event; lower ones belong to former orders of the number.
    pub first_event: u64,
}

/// One entry of the outbox: work that a job owes at this version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owed {
    /// The job.
    pub job: u64,
    /// The version of the job that owes it.
    pub version: u64,
    /// The work.
    pub effect: Effect,
}

/// A change of one job, made only if it is still at the version that was read.
#[derive(Debug)]
pub struct Commit {
    /// The job.
    pub job: u64,
    /// The version that the decision rests on.
    pub version: u64,
    /// What happened.
    pub event: Event,
    /// Contents to keep along with it, by their hash.
    pub blobs: Vec<Bytes>,
}

impl Commit {
    /// A change without contents.
    pub fn new(row: &JobRow, event: Event) -> Self {
        Self { job: row.id, version: row.version, event, blobs: Vec::new() }
    }

    /// Adds contents to keep.
    #[must_use]
    pub fn with_blob(mut self, bytes: Bytes) -> Self {
        self.blobs.push(bytes);
        self
    }
}

impl Store {
    /// Moves a job: state, owed work, contents and event in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the job changed meanwhile, [`StoreError::Illegal`] when
    /// the table has no such move, or a fault of the disk. Nothing is kept then.
    pub async fn commit(&self, commit: Commit) -> Result<JobRow, StoreError> {
        self.write(move |tx, changed| {
            for bytes in &commit.blobs {
                blobs::insert(tx, bytes)?;
                blobs::note_use(tx, keccak256(bytes), commit.job)?;
            }
            let row = expect(tx, commit.job, commit.version)?;
            changed.push(row.id);
            advance(tx, row, commit.event)
        })
        .await
    }

    /// One job.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn job(&self, id: u64) -> Result<Option<JobRow>, StoreError> {
        self.call(move |connection| {
            let tx = connection.transaction()?;
            find(&tx, id)
        })
        .await
    }

    /// Up to `limit` jobs with numbers above `after`, ascending.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn jobs(&self, after: u64, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        self.call(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id > ?1 ORDER BY id LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![int(after), limit], read)?;
            rows.map(|row| parse(row?)).collect()
        })
        .await
    }

    /// All jobs in states of that name, ascending.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn jobs_in(&self, kind: Kind) -> Result<Vec<JobRow>, StoreError> {
        self.call(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE kind = ?1 ORDER BY id");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([kind.name()], read)?;
            rows.map(|row| parse(row?)).collect()
        })
        .await
    }

    /// The whole outbox, oldest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn outbox(&self) -> Result<Vec<Owed>, StoreError> {
        self.call(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT job, version, effect FROM outbox ORDER BY id")?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })?;
            rows.map(|row| {
                let (job, version, effect) = row?;
                let effect =
                    Effect::from_name(&effect).ok_or_else(|| unreadable("effect", &effect))?;
                Ok(Owed { job: uint(job), version: uint(version), effect })
            })
            .collect()
        })
        .await
    }

    /// How many jobs stand in each state, by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.call(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT kind, count(*) FROM jobs GROUP BY kind")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, uint(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

pub(super) const COLUMNS: &str = "id, version, state, created_at, updated_at, first_event";

pub(super) type RawJob = (i64, i64, String, i64, i64, i64);

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RawJob> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

pub(super) fn parse(
    (id, version, state, created_at, updated_at, first_event): RawJob,
) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        id: uint(id),
        version: uint(version),
        state: from_json("job state", &state)?,
        created_at: uint(created_at),
        updated_at: uint(updated_at),
        first_event: uint(first_event),
    })
}

pub(super) fn find(tx: &Transaction<'_>, id: u64) -> Result<Option<JobRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    let raw = tx.prepare_cached(&sql)?.query_row([int(id)], read).optional()?;
    raw.map(parse).transpose()
}

/// The job at just that version.
pub(super) fn expect(tx: &Transaction<'_>, job: u64, version: u64) -> Result<JobRow, StoreError> {
    let row = find(tx, job)?.ok_or(StoreError::NoJob(job))?;
    if row.version == version {
        Ok(row)
    } else {
        Err(StoreError::Conflict { job, expected: version, found: row.version })
    }
}

/// Adds a job in its first state.
pub(super) fn create(tx: &Transaction<'_>, state: State) -> Result<JobRow, StoreError> {
    let (id, now) = (state.purchase().id.0, now_millis());
    tx.execute(
        "INSERT INTO jobs (id, version, kind, state, input_hash, created_at, updated_at)
         VALUES (?1, 1, ?2, ?3, ?4, ?5, ?5)",
        params![
            int(id),
            state.kind().name(),
            to_json("job state", &state)?,
            state.purchase().input_hash.as_slice(),
            int(now)
        ],
    )?;
    let row = JobRow { id, version: 1, state, created_at: now, updated_at: now, first_event: 0 };
    blobs::note_use(tx, row.state.purchase().input_hash, id)?;
    follow_up(tx, &row, row.state.kind().owes().as_slice())?;
    Ok(row)
}

/// Moves a job by one event.
pub(super) fn advance(
    tx: &Transaction<'_>,
    row: JobRow,
    event: Event,
) -> Result<JobRow, StoreError> {
    let (job, input) = (row.id, row.state.purchase().input_hash);
    let (state, owed) =
        step(row.state, event).map_err(|source| StoreError::Illegal { job, source })?;
    let next = JobRow { version: row.version + 1, state, updated_at: now_millis(), ..row };
    let changed = tx.execute(
        "UPDATE jobs SET version = ?3, kind = ?4, state = ?5, input_hash = ?6, updated_at = ?7
         WHERE id = ?1 AND version = ?2",
        params![
            int(job),
            int(row.version),
            int(next.version),
            next.state.kind().name(),
            to_json("job state", &next.state)?,
            next.state.purchase().input_hash.as_slice(),
            int(next.updated_at),
        ],
    )?;
    let reappeared = next.state.kind() == Kind::Seen;
    if reappeared || input != next.state.purchase().input_hash {
        blobs::note_use(tx, next.state.purchase().input_hash, job)?;
    }
    if changed != 1 {
        return Err(StoreError::Conflict { job, expected: row.version, found: 0 });
    }
    follow_up(tx, &next, &owed)?;
    Ok(next)
}

/// Gives a job's number to another order than before: a life of its own begins with the present
/// state, and watchers see nothing from before.
pub(super) fn hand_over(
    tx: &Transaction<'_>,
    row: JobRow,
    purchase: Purchase,
) -> Result<JobRow, StoreError> {
    former::set_aside(tx, &row)?;
    let mut next = advance(tx, row, Event::Reappeared(purchase))?;
    next.created_at = next.updated_at;
    next.first_event = events::last(tx, next.id)?;
    tx.prepare_cached("UPDATE jobs SET created_at = ?2, first_event = ?3 WHERE id = ?1")?
        .execute(params![int(next.id), int(next.created_at), int(next.first_event)])?;
    Ok(next)
}

/// The outbox holds just what the present state owes; watchers see the new state.
fn follow_up(tx: &Transaction<'_>, row: &JobRow, owed: &[Effect]) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM outbox WHERE job = ?1")?.execute([int(row.id)])?;
    for effect in owed {
        tx.prepare_cached("INSERT INTO outbox (job, version, effect) VALUES (?1, ?2, ?3)")?
            .execute(params![int(row.id), int(row.version), effect.name()])?;
    }
    events::insert_state(tx, row)
}

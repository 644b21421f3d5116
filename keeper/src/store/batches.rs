//! Many jobs at once: what they owe, those that wait to be bundled, and their moves in one
//! transaction.

use alloy::primitives::keccak256;
use domain::job::{Effect, Kind};
use rusqlite::{Transaction, params};

use super::actor::Store;
use super::blobs;
use super::error::StoreError;
use super::jobs::{self, COLUMNS, Commit, JobRow, Owed};
use super::values::{int, to_json, uint, unreadable};

impl Store {
    /// Moves many jobs in one transaction; those that moved meanwhile, or whose state takes no
    /// such event, are left alone. Gives those that moved.
    ///
    /// # Errors
    /// A fault of the store; nothing is kept then.
    pub async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<JobRow>, StoreError> {
        self.write(move |tx, changed| commit_current(tx, changed, commits)).await
    }

    /// Reads what some jobs owe.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn owed_by(&self, jobs: Vec<u64>) -> Result<Vec<Owed>, StoreError> {
        self.call(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT version, effect FROM outbox WHERE job = ?1 ORDER BY id")?;
            let mut owed = Vec::with_capacity(jobs.len());
            for job in jobs {
                let mut rows = statement.query([int(job)])?;
                while let Some(row) = rows.next()? {
                    let (version, effect) = (uint(row.get(0)?), row.get::<_, String>(1)?);
                    let effect =
                        Effect::from_name(&effect).ok_or_else(|| unreadable("effect", &effect))?;
                    owed.push(Owed { job, version, effect });
                }
            }
            Ok(owed)
        })
        .await
    }

    /// Reads up to `limit` jobs whose operation waits to be bundled, but those in `without`:
    /// first those that earn something, the oldest purchase first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn waiting_to_travel(
        &self,
        limit: usize,
        without: Vec<u64>,
    ) -> Result<Vec<JobRow>, StoreError> {
        self.call(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM jobs WHERE kind = ?1
                 AND id NOT IN (SELECT value FROM json_each(?2))
                 ORDER BY json_extract(state, '$.signed.prepared.finished.run.outcome') <> 'ok', id
                 LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let without = to_json("list of jobs", &without)?;
            let key = params![Kind::Signed.name(), without, int(limit as u64)];
            let rows = statement.query_map(key, jobs::read)?;
            rows.map(|row| jobs::parse(row?)).collect()
        })
        .await
    }

    /// Reads number and version of the jobs in states of that name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn versions_in(&self, kind: Kind) -> Result<Vec<(u64, u64)>, StoreError> {
        self.call(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, version FROM jobs WHERE kind = ?1")?;
            let rows = statement
                .query_map([kind.name()], |row| Ok((uint(row.get(0)?), uint(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Makes each change that still fits its job.
pub(super) fn commit_current(
    tx: &Transaction<'_>,
    changed: &mut Vec<u64>,
    commits: Vec<Commit>,
) -> Result<Vec<JobRow>, StoreError> {
    let mut moved = Vec::with_capacity(commits.len());
    for Commit { job, version, event, blobs } in commits {
        let Some(row) = jobs::find(tx, job)? else { continue };
        if row.version != version || !row.state.kind().allows(event.kind()) {
            continue;
        }
        for bytes in &blobs {
            blobs::insert(tx, bytes)?;
            blobs::note_use(tx, keccak256(bytes), job)?;
        }
        changed.push(job);
        moved.push(jobs::advance(tx, row, event)?);
    }
    Ok(moved)
}

//! Contents by hash: inputs, results, logs and manifests.

use alloy::primitives::{B256, keccak256};
use bytes::Bytes;
use domain::job::Kind;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::actor::Store;
use super::error::StoreError;
use super::jobs;
use super::values::{int, now_millis, uint};

/// An input that some job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A job that waits for it.
    pub job: u64,
    /// Fewest bytes that its agent takes; 0 while the listing is not read yet.
    pub min_bytes: u64,
    /// Most bytes that its agent takes; `u64::MAX` while the listing is not read yet.
    pub max_bytes: u64,
}

/// What became of an offered input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutInput {
    /// It is stored, and the jobs that wait for it go on.
    Stored,
    /// It was stored before.
    AlreadyStored,
    /// No job waits for it; nothing was stored.
    NotWanted,
}

impl Store {
    /// The contents with that hash.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn blob(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        self.call(move |connection| {
            let bytes: Option<Vec<u8>> = connection
                .prepare_cached("SELECT bytes FROM blobs WHERE hash = ?1")?
                .query_row([hash.as_slice()], |row| row.get(0))
                .optional()?;
            Ok(bytes.map(Bytes::from))
        })
        .await
    }

    /// Whether those contents are stored.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn has_blob(&self, hash: B256) -> Result<bool, StoreError> {
        self.call(move |connection| exists(connection, hash)).await
    }

    /// Who waits for the input with that hash, if anybody does and it is not stored yet.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn wanted_input(&self, hash: B256) -> Result<Option<Wanted>, StoreError> {
        self.call(move |connection| {
            if exists(connection, hash)? {
                return Ok(None);
            }
            let tx = connection.transaction()?;
            let Some(job) = waiting(&tx, hash)?.first().copied() else { return Ok(None) };
            let row = jobs::find(&tx, job)?.ok_or(StoreError::NoJob(job))?;
            let input = row.state.terms().and_then(|terms| Some(&terms.manifest.as_ref()?.input));
            Ok(Some(Wanted {
                job,
                min_bytes: input.map_or(0, |input| input.min_bytes),
                max_bytes: input.map_or(u64::MAX, |input| input.max_bytes),
            }))
        })
        .await
    }

    /// Stores an input if some job waits for it.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn put_input(&self, bytes: Bytes) -> Result<PutInput, StoreError> {
        let hash = keccak256(&bytes);
        self.write(move |tx, changed| {
            if exists(tx, hash)? {
                return Ok(PutInput::AlreadyStored);
            }
            let jobs = waiting(tx, hash)?;
            if jobs.is_empty() {
                return Ok(PutInput::NotWanted);
            }
            insert(tx, &bytes)?;
            changed.extend(jobs);
            Ok(PutInput::Stored)
        })
        .await
    }

    /// Stores contents for whose hash the chain vouches.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<(), StoreError> {
        self.write(move |tx, _| insert(tx, &bytes)).await
    }
}

fn exists(connection: &Connection, hash: B256) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM blobs WHERE hash = ?1")?;
    Ok(statement.exists([hash.as_slice()])?)
}

/// The jobs that an input of that hash would let go on.
fn waiting(tx: &Transaction<'_>, hash: B256) -> Result<Vec<u64>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM jobs WHERE input_hash = ?1 AND kind IN (?2, ?3) ORDER BY kind, id",
    )?;
    let names = (Kind::Confirmed.name(), Kind::Seen.name());
    let ids = statement
        .query_map(params![hash.as_slice(), names.0, names.1], |row| row.get::<_, i64>(0))?;
    ids.map(|id| Ok(uint(id?))).collect()
}

/// Notes that a job needs the contents with that hash, stored already or not.
pub(super) fn note_use(tx: &Transaction<'_>, hash: B256, job: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO blob_uses (hash, job) VALUES (?1, ?2)")?
        .execute(params![hash.as_slice(), int(job)])?;
    Ok(())
}

/// Stores contents under their hash; the same ones twice are stored once.
pub(super) fn insert(tx: &Transaction<'_>, bytes: &[u8]) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO blobs (hash, bytes, stored_at) VALUES (?1, ?2, ?3)")?
        .execute(params![keccak256(bytes).as_slice(), bytes, int(now_millis())])?;
    Ok(())
}

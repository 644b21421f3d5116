//! What can go wrong in the store, and whether waiting helps.

use std::path::PathBuf;

use domain::job::IllegalMove;
use rusqlite::ErrorCode;

/// A failed use of the store. Whatever it was, nothing of the attempted change was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another keeper has the store open.
    #[error("{path} is in use by another keeper: stop that one first, or set another store.path")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file cannot be opened at all.
    #[error("cannot open the store {path}: {reason}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A newer keeper wrote it.
    #[error(
        "the store has schema {found}, this keeper knows up to {known}: install a newer keeper"
    )]
    TooNew {
        /// Schema in the file.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// It was made for another chain, registry or account.
    #[error(
        "the store belongs to {key} {stored}, the configuration says {wanted}: \
         use another store.path for another deployment"
    )]
    Foreign {
        /// Which fact differs.
        key: String,
        /// What the store holds.
        stored: String,
        /// What was asked for.
        wanted: String,
    },
    /// The disk is full; the change was not made and will be tried again.
    #[error("the disk of the store is full: free some space, the keeper goes on by itself")]
    Full,
    /// Somebody else holds the database locked.
    #[error("the store is locked by another program (a backup, a shell): it will be tried again")]
    Locked,
    /// The file is damaged.
    #[error("the store is damaged ({0}): restore a backup, or start anew with another store.path")]
    Corrupt(String),
    /// Any other fault of SQLite.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
    /// A stored value does not parse.
    #[error("the store holds a {what} that cannot be read: {reason}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// No such job.
    #[error("there is no job {0}")]
    NoJob(u64),
    /// The job moved on since it was read.
    #[error("job {job} is at version {found}, expected {expected}: it was changed meanwhile")]
    Conflict {
        /// The job.
        job: u64,
        /// The version that the caller had read.
        expected: u64,
        /// The version in the store.
        found: u64,
    },
    /// The state machine forbids it.
    #[error("job {job}: {source}")]
    Illegal {
        /// The job.
        job: u64,
        /// The move.
        #[source]
        source: IllegalMove,
    },
    /// The keeper is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Full | Self::Locked)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

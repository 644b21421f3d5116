//! The memory of what was signed: every signature is checked against it and recorded in it, in
//! one exclusive transaction, before it is made.
//!
//! A crash between recording and answering is harmless: the same request finds its own record,
//! and signatures are deterministic.

mod budget;
mod bundles;
mod number;
mod operations;
mod receipts;
mod schema;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::{B256, U256};
use domain::wire::RefusalCode;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::policy::{ApprovedBundle, ApprovedOperation};
use crate::refusal::Refusal;

pub use receipts::ReceiptKey;

/// How long another process may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A journal that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be created.
    #[error("cannot open the journal {path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The database refuses.
    #[error("cannot open the journal {path}: {error}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// Written by a later version.
    #[error("the journal {path} has schema {found}, this version knows up to {known}: upgrade")]
    TooNew {
        /// Which file.
        path: PathBuf,
        /// The file's schema.
        found: u32,
        /// The latest schema known here.
        known: u32,
    },
}

/// A moment and the budget that counts then.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Days since 1970-01-01 UTC.
    pub number: u64,
    /// Most wei that the day's signatures may cost.
    pub budget: U256,
}

/// The open journal. Shared between threads; one transaction at a time.
#[derive(Debug)]
pub struct Journal {
    database: Mutex<Connection>,
}

impl Journal {
    /// Opens a journal, creating it or bringing its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used or comes from a later version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        // SQLite would create the file readable for everybody.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| JournalError::Io { path: path.into(), error })?;
        let database = |error| JournalError::Database { path: path.into(), error };
        let mut connection = Connection::open(path).map_err(database)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(database)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(database)?;
        connection.pragma_update(None, "synchronous", "full").map_err(database)?;
        match schema::migrate(&mut connection).map_err(database)? {
            found if found > schema::LATEST => {
                Err(JournalError::TooNew { path: path.into(), found, known: schema::LATEST })
            }
            _ => Ok(Self { database: Mutex::new(connection) }),
        }
    }

    /// Permits an operation to be signed, and records it.
    ///
    /// # Errors
    /// When the nonce served other calldata, fees are not higher than before, the purchase has
    /// another receipt, or the budget is used up. Then nothing is recorded.
    pub fn operation(&self, op: &ApprovedOperation, day: Day) -> Result<(), Refusal> {
        self.exclusive(|transaction| operations::record(transaction, op, day))
    }

    /// Permits a bundle to be signed, and records it.
    ///
    /// # Errors
    /// When it holds an operation that was not signed here, its nonce served other operations
    /// and the fees are not higher, or the budget is used up. Then nothing is recorded.
    pub fn bundle(&self, bundle: &ApprovedBundle, tx: B256, day: Day) -> Result<(), Refusal> {
        self.exclusive(|transaction| bundles::record(transaction, bundle, tx, day))
    }

    /// Permits a receipt to be signed, and records it.
    ///
    /// # Errors
    /// When another receipt was signed or settled for the purchase's order, or this one for
    /// another order.
    pub fn receipt(&self, chain_id: u64, receipt: &ReceiptKey) -> Result<(), Refusal> {
        self.exclusive(|transaction| receipts::record(transaction, chain_id, receipt))
    }

    /// Runs one decision: recorded as a whole if permitted, not at all if refused.
    fn exclusive(
        &self,
        decide: impl FnOnce(&Transaction<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        // A panic elsewhere rolled its transaction back: the connection itself is sound.
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        decide(&transaction)?;
        Ok(transaction.commit()?)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(RefusalCode::Internal, format!("the journal failed: {error}"))
    }
}

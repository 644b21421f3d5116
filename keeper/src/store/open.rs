//! Opening the database: lock file, pragmas, migrations, and whose store it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::error::StoreError;

/// Forward only; the position in this list is the schema number.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_jobs.sql"), include_str!("migrations/0002_orders.sql")];

/// How long a read waits for another program's lock.
pub(super) const BUSY: Duration = Duration::from_secs(1);

/// What a store belongs to; a store is never used for two deployments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(pub Vec<(&'static str, String)>);

/// Takes the lock, opens and migrates the database.
pub(super) fn open(path: &Path) -> Result<(Connection, File), StoreError> {
    let refused = |reason: String| StoreError::Open { path: path.into(), reason };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
    }
    let lock = lock(path)?;
    let mut connection = Connection::open(path).map_err(|error| refused(error.to_string()))?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection)?;
    Ok((connection, lock))
}

/// The lock file beside the database; the operating system frees it with the process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let path = lock_path(path);
    let refused =
        |error: std::io::Error| StoreError::Open { path: path.clone(), reason: error.to_string() };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known || found < 0 {
        return Err(StoreError::TooNew { found, known });
    }
    for (done, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", done as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}

/// Writes the identity into a new store, compares it with an old one's.
pub(super) fn claim(tx: &Transaction<'_>, identity: &Identity) -> Result<(), StoreError> {
    for (key, wanted) in &identity.0 {
        let stored: Option<String> = tx
            .query_row("SELECT value FROM identity WHERE key = ?1", [key], |row| row.get(0))
            .optional()?;
        match stored {
            Some(stored) if stored != *wanted => {
                let (key, wanted) = ((*key).to_owned(), wanted.clone());
                return Err(StoreError::Foreign { key, stored, wanted });
            }
            Some(_) => {}
            None => {
                tx.execute("INSERT INTO identity VALUES (?1, ?2)", params![key, wanted])?;
            }
        }
    }
    Ok(())
}

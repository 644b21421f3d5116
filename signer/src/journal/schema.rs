//! The journal's tables and the forward-only steps that lead to them.

use rusqlite::{Connection, TransactionBehavior};

/// The schema's version: the number of steps.
pub const LATEST: u32 = STEPS.len() as u32;

/// Step n leads from version n to n + 1. Released steps are never changed.
const STEPS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Brings the database up to [`LATEST`] and returns its version; a later one is left alone.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<u32> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found >= LATEST {
        return Ok(found);
    }
    for step in STEPS.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", LATEST)?;
    transaction.commit()?;
    Ok(LATEST)
}

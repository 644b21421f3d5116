//! Work of former orders: a reorganisation gave their number to another order, and may bring
//! them back.

use alloy::primitives::B256;
use domain::job::Work;
use rusqlite::{OptionalExtension, Transaction, params};

use super::actor::Store;
use super::error::StoreError;
use super::jobs::JobRow;
use super::values::{from_json, int, to_json};

/// Former orders of one number whose work is kept.
const KEPT: i64 = 64;

impl Store {
    /// Returns the work done for a former order of that number.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn former_work(
        &self,
        job: u64,
        order_hash: B256,
    ) -> Result<Option<Work>, StoreError> {
        self.call(move |connection| {
            let text: Option<String> = connection
                .prepare_cached("SELECT work FROM former_work WHERE job = ?1 AND order_hash = ?2")?
                .query_row(params![int(job), order_hash.as_slice()], |row| row.get(0))
                .optional()?;
            text.map(|text| from_json("former work", &text)).transpose()
        })
        .await
    }
}

/// Sets a job's work aside before another order takes its number.
pub(super) fn set_aside(tx: &Transaction<'_>, row: &JobRow) -> Result<(), StoreError> {
    let Some(work) = row.state.work() else { return Ok(()) };
    let key = row.state.purchase().order_hash();
    tx.prepare_cached(
        "INSERT OR REPLACE INTO former_work (job, order_hash, work) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![int(row.id), key.as_slice(), to_json("former work", work)?])?;
    tx.prepare_cached(
        "DELETE FROM former_work WHERE job = ?1 AND rowid NOT IN
         (SELECT rowid FROM former_work WHERE job = ?1 ORDER BY rowid DESC LIMIT ?2)",
    )?
    .execute(params![int(row.id), KEPT])?;
    Ok(())
}

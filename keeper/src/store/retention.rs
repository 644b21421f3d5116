//! Forgetting: contents, log lines and bundles of jobs that ended long ago.

use domain::job::Kind;
use rusqlite::params;

use super::actor::Store;
use super::error::StoreError;
use super::values::{int, uint};

/// Jobs in one transaction, so that nobody waits long.
const BATCH: i64 = 100;

impl Store {
    /// Forgets what jobs left behind that ended before `cutoff`, Unix milliseconds: inputs,
    /// results, logs, and closed bundles. The jobs themselves, with receipts and settlements,
    /// stay. Gives the number of jobs that were cleaned.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn forget(&self, cutoff: u64) -> Result<u64, StoreError> {
        let mut cleaned = 0;
        loop {
            let batch = self.forget_some(cutoff).await?;
            cleaned += batch;
            if batch < uint(BATCH) {
                return Ok(cleaned);
            }
        }
    }

    async fn forget_some(&self, cutoff: u64) -> Result<u64, StoreError> {
        self.write(move |tx, _| {
            let ended: Vec<i64> = tx
                .prepare_cached(
                    "SELECT id FROM jobs WHERE kind IN (?1, ?2, ?3) AND updated_at < ?4
                     AND id IN (SELECT job FROM blob_uses) LIMIT ?5",
                )?
                .query_map(
                    params![
                        Kind::Final.name(),
                        Kind::Expired.name(),
                        Kind::Reorged.name(),
                        int(cutoff),
                        BATCH
                    ],
                    |row| row.get(0),
                )?
                .collect::<Result<_, _>>()?;
            for job in &ended {
                tx.prepare_cached(
                    "DELETE FROM blobs WHERE hash IN (SELECT hash FROM blob_uses WHERE job = ?1)
                     AND hash NOT IN (SELECT hash FROM blob_uses WHERE job <> ?1)",
                )?
                .execute([job])?;
                tx.prepare_cached("DELETE FROM blob_uses WHERE job = ?1")?.execute([job])?;
                tx.prepare_cached("DELETE FROM former_work WHERE job = ?1")?.execute([job])?;
                tx.prepare_cached("DELETE FROM events WHERE job = ?1 AND kind = 'log'")?
                    .execute([job])?;
            }
            // The highest nonce stays: it says which one comes next.
            let old = "SELECT id FROM bundles WHERE status = 'closed' AND signed_at < ?1
                       AND nonce < (SELECT max(nonce) FROM bundles)";
            tx.execute(&format!("DELETE FROM bundle_txs WHERE bundle IN ({old})"), [int(cutoff)])?;
            tx.execute(&format!("DELETE FROM bundles WHERE id IN ({old})"), [int(cutoff)])?;
            Ok(ended.len() as u64)
        })
        .await
    }
}

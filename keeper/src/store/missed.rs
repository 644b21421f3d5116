//! Purchases that no log told of: their numbers are consecutive, so that a gap proves them.

use rusqlite::params;

use super::actor::Store;
use super::chain::{self, BlockFacts};
use super::error::StoreError;
use super::values::{int, uint};

impl Store {
    /// Returns up to `limit` numbers in `from..=to` that have no job, or one whose purchase is
    /// said to have left the chain, descending.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn missing_jobs(
        &self,
        from: u64,
        to: u64,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        self.call(move |connection| {
            let range = params![int(from), int(to)];
            let count: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM jobs WHERE id BETWEEN ?1 AND ?2 AND kind <> 'reorged'",
                )?
                .query_row(range, |row| row.get(0))?;
            if from > to || uint(count) == to - from + 1 {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare_cached(
                "SELECT id FROM jobs WHERE id BETWEEN ?1 AND ?2 AND kind <> 'reorged' ORDER BY id DESC",
            )?;
            let known = statement.query_map(range, |row| row.get::<_, i64>(0))?;
            let (mut missing, mut end) = (Vec::new(), to + 1);
            for id in known {
                let id = uint(id?);
                missing.extend((id + 1..end).rev().take(limit - missing.len()));
                if missing.len() == limit {
                    return Ok(missing);
                }
                end = id;
            }
            missing.extend((from..end).rev().take(limit - missing.len()));
            Ok(missing)
        })
        .await
    }

    /// Takes in facts of blocks that were taken in without them; the cursor stays.
    ///
    /// # Errors
    /// A fault of the store; then nothing was taken in.
    pub async fn add_missed(&self, blocks: Vec<BlockFacts>) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for BlockFacts { block, facts } in blocks {
                for fact in facts {
                    changed.extend(chain::take_in(tx, block, fact)?);
                }
            }
            Ok(())
        })
        .await
    }
}

//! Purchases that no log told of: their numbers are consecutive, so that a gap proves them.

use rusqlite::params;

use super::actor::Store;
use super::chain::{self, BlockFacts};
use super::error::StoreError;
use super::values::{int, uint};

impl Store {
    /// Returns up to `limit` numbers in `from..=to` that have no job, or one whose purchase is
    /// said to have left the chain, ascending.
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
                "SELECT id FROM jobs WHERE id BETWEEN ?1 AND ?2 AND kind <> 'reorged' ORDER BY id",
            )?;
            let known = statement.query_map(range, |row| row.get::<_, i64>(0))?;
            let (mut missing, mut next) = (Vec::new(), from);
            for id in known {
                let id = uint(id?);
                missing.extend((next..id).take(limit - missing.len()));
                next = id + 1;
            }
            missing.extend((next..=to).take(limit - missing.len()));
            Ok(missing)
        })
        .await
    }

    /// Returns the lowest and the highest number of a job, if there are any.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn job_numbers(&self) -> Result<Option<(u64, u64)>, StoreError> {
        self.call(|connection| {
            let ends = connection.query_row("SELECT min(id), max(id) FROM jobs", [], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
            })?;
            Ok(ends.0.zip(ends.1).map(|(low, high)| (uint(low), uint(high))))
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

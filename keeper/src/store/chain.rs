//! What the chain said: facts by block, taken in and taken back as blocks come and go.

use bytes::Bytes;
use domain::job::{BlockRef, Event, Purchase, Settlement, State};
use rusqlite::{Transaction, params};

use super::actor::Store;
use super::blobs;
use super::error::StoreError;
use super::jobs::{self, JobRow};
use super::values::{hash, int, uint, unreadable};

/// One thing that the registry said about a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It was bought; the input comes along if it is small and public.
    Purchased(Box<Purchase>, Option<Bytes>),
    /// It was settled.
    Settled(u64, Box<Settlement>),
    /// It was refunded.
    Refunded(u64),
    /// An agent was listed with this manifest; kept for the jobs that will need it.
    Listed(Bytes),
}

/// A block with what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// The block.
    pub block: BlockRef,
    /// In the order of its logs.
    pub facts: Vec<Fact>,
}

impl Store {
    /// Takes in canonical blocks, ascending, and moves the cursor, in one transaction; keeps
    /// the newest `keep` blocks.
    ///
    /// # Errors
    /// A fault of the store; then none of the blocks was taken in.
    pub async fn add_blocks(&self, blocks: Vec<BlockFacts>, keep: u64) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for BlockFacts { block, facts } in blocks {
                tx.prepare_cached("INSERT OR REPLACE INTO blocks (number, hash) VALUES (?1, ?2)")?
                    .execute(params![int(block.number), block.hash.as_slice()])?;
                for fact in facts {
                    changed.extend(take_in(tx, block, fact)?);
                }
                let oldest = int(block.number.saturating_sub(keep));
                tx.prepare_cached("DELETE FROM blocks WHERE number < ?1")?.execute([oldest])?;
                tx.prepare_cached("DELETE FROM facts WHERE number < ?1")?.execute([oldest])?;
            }
            Ok(())
        })
        .await
    }

    /// Takes back blocks that left the chain, newest first, with everything that they said, in
    /// one transaction.
    ///
    /// # Errors
    /// A fault of the store; then nothing was taken back.
    pub async fn remove_blocks(&self, blocks: Vec<BlockRef>) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for block in blocks {
                for (job, kind) in said_by(tx, block)?.into_iter().rev() {
                    if take_back(tx, job, &kind)? {
                        changed.push(job);
                    }
                }
                let key = params![int(block.number), block.hash.as_slice()];
                tx.prepare_cached("DELETE FROM facts WHERE number = ?1 AND hash = ?2")?
                    .execute(key)?;
                tx.prepare_cached("DELETE FROM blocks WHERE number = ?1 AND hash = ?2")?
                    .execute(key)?;
                super::bundles::unmine(tx, block)?;
            }
            Ok(())
        })
        .await
    }

    /// The blocks kept, newest first; the first one is the cursor.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn blocks(&self) -> Result<Vec<BlockRef>, StoreError> {
        self.call(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT number, hash FROM blocks ORDER BY number DESC")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
            rows.map(|row| {
                let (number, bytes) = row?;
                Ok(BlockRef { number: uint(number), hash: hash(&bytes)? })
            })
            .collect()
        })
        .await
    }
}

/// Applies a fact; one that the job's state already reflects changes nothing.
pub(super) fn take_in(
    tx: &Transaction<'_>,
    block: BlockRef,
    fact: Fact,
) -> Result<Option<u64>, StoreError> {
    let (job, kind) = match fact {
        Fact::Purchased(purchase, input) => {
            if let Some(input) = &input {
                blobs::insert(tx, input)?;
            }
            let job = purchase.id.0;
            purchased(tx, *purchase)?;
            (job, "purchased")
        }
        Fact::Settled(job, settlement) => {
            apply(tx, job, Event::Settled(*settlement))?;
            (job, "settled")
        }
        Fact::Refunded(job) => {
            apply(tx, job, Event::Refunded)?;
            (job, "refunded")
        }
        Fact::Listed(manifest) => {
            blobs::insert(tx, &manifest)?;
            return Ok(None);
        }
    };
    if jobs::find(tx, job)?.is_none() {
        return Ok(None);
    }
    tx.prepare_cached("INSERT INTO facts (number, hash, job, kind) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![int(block.number), block.hash.as_slice(), int(job), kind])?;
    Ok(Some(job))
}

fn purchased(tx: &Transaction<'_>, purchase: Purchase) -> Result<(), StoreError> {
    let Some(row) = jobs::find(tx, purchase.id.0)? else {
        jobs::create(tx, State::seen(purchase))?;
        return Ok(());
    };
    if row.state.purchase().block == purchase.block && !matches!(row.state, State::Reorged(_)) {
        return Ok(());
    }
    let row = apply_to(tx, row, Event::PurchaseRemoved)?;
    if row.state.purchase().same_bargain(&purchase) {
        apply_to(tx, row, Event::Reappeared(purchase))?;
    } else {
        jobs::hand_over(tx, row, purchase)?;
    }
    Ok(())
}

fn said_by(tx: &Transaction<'_>, block: BlockRef) -> Result<Vec<(u64, String)>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT job, kind FROM facts WHERE number = ?1 AND hash = ?2 ORDER BY id",
    )?;
    let rows = statement.query_map(params![int(block.number), block.hash.as_slice()], |row| {
        Ok((uint(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn take_back(tx: &Transaction<'_>, job: u64, kind: &str) -> Result<bool, StoreError> {
    let event = match kind {
        "purchased" => Event::PurchaseRemoved,
        "settled" => Event::SettlementRemoved,
        "refunded" => Event::RefundRemoved,
        other => return Err(unreadable("fact kind", &other)),
    };
    apply(tx, job, event)
}

/// Applies an event if the job exists and its state takes it.
fn apply(tx: &Transaction<'_>, job: u64, event: Event) -> Result<bool, StoreError> {
    let Some(row) = jobs::find(tx, job)? else { return Ok(false) };
    let version = row.version;
    Ok(apply_to(tx, row, event)?.version != version)
}

fn apply_to(tx: &Transaction<'_>, row: JobRow, event: Event) -> Result<JobRow, StoreError> {
    if row.state.kind().allows(event.kind()) { jobs::advance(tx, row, event) } else { Ok(row) }
}

//! Bundles: planned before they are signed, stored before they are sent, kept until they are
//! too deep to reorg.
//!
//! The plan of a bundle is stored before the signer hears of it, so that a signed nonce is never
//! forgotten. An open bundle is sent again until its nonce is used. One whose operations have to
//! travel otherwise is shelved: it may still be mined if a node kept it, so it stays stored, with
//! the fee that whatever takes its nonce has to exceed, until its nonce is used.

use alloy::primitives::{B256, Bytes};
use domain::job::{BlockRef, Event, State};
use domain::userop::PackedUserOperation;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::actor::Store;
use super::batches::commit_current;
use super::error::StoreError;
use super::jobs::{self, Commit, JobRow};
use super::values::{from_json, hash, int, now_millis, to_json, uint, unreadable};

/// Gas limit and fees of a bundle transaction; fees in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// Gas limit of the transaction.
    pub gas_limit: u64,
    /// Most that is paid per gas.
    pub max_fee_per_gas: u128,
    /// Tip per gas.
    pub max_priority_fee_per_gas: u128,
}

/// One signed transaction of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleTx {
    /// Its hash.
    pub hash: B256,
    /// What it pays.
    pub fees: Fees,
    /// The bytes to send.
    pub raw: Bytes,
}

/// Where a bundle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleStatus {
    /// Its nonce is not used yet, as far as known.
    Open,
    /// One of its transactions is in that block.
    Mined(BlockRef),
    /// Its nonce is not used yet, but its operations travel otherwise.
    Shelved,
    /// Deep enough, or its nonce was used otherwise.
    Closed,
}

/// A bundle about to be stored.
#[derive(Clone, Debug)]
pub struct NewBundle {
    /// Nonce of the bundler's account.
    pub nonce: u64,
    /// Its operations, in order, each with its job and that job's version.
    pub ops: Vec<(u64, u64, PackedUserOperation)>,
    /// What its first transaction will pay.
    pub plan: Fees,
}

/// A stored bundle.
#[derive(Clone, Debug)]
pub struct StoredBundle {
    /// Its number.
    pub id: u64,
    /// Nonce of the bundler's account.
    pub nonce: u64,
    /// Where it stands.
    pub status: BundleStatus,
    /// Jobs and operations, in order.
    pub ops: Vec<(u64, PackedUserOperation)>,
    /// What its first transaction pays.
    pub plan: Fees,
    /// Its transactions, oldest first; none before the signer was asked.
    pub txs: Vec<BundleTx>,
    /// When the newest one was signed or the bundle planned, Unix milliseconds.
    pub signed_at: u64,
}

impl Store {
    /// Stores a planned bundle and moves its jobs to `sent`, all in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one of the jobs changed meanwhile; nothing is kept then.
    pub async fn store_bundle(&self, bundle: NewBundle) -> Result<u64, StoreError> {
        self.write(move |tx, changed| {
            let ops: Vec<_> = bundle.ops.iter().map(|(job, _, op)| (job, op)).collect();
            tx.execute(
                "INSERT INTO bundles (nonce, status, ops, plan, signed_at)
                 VALUES (?1, 'open', ?2, ?3, ?4)",
                params![
                    int(bundle.nonce),
                    to_json("bundle", &ops)?,
                    to_json("fees", &bundle.plan)?,
                    int(now_millis())
                ],
            )?;
            let id = uint(tx.last_insert_rowid());
            for (job, version, _) in &bundle.ops {
                let row = jobs::expect(tx, *job, *version)?;
                jobs::advance(tx, row, Event::Bundled(id))?;
                changed.push(*job);
            }
            Ok(id)
        })
        .await
    }

    /// Forgets a bundle that the signer refused and so never signed; its nonce is free, and
    /// each of its jobs takes the event that belongs to it.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn discard_bundle(&self, bundle: u64, event: Event) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for row in passengers(tx, bundle)? {
                changed.push(row.id);
                jobs::advance(tx, row, event.clone())?;
            }
            tx.execute("DELETE FROM bundles WHERE id = ?1", [int(bundle)])?;
            Ok(())
        })
        .await
    }

    /// Adds a signed transaction to a bundle, the first one or one with higher fees.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn add_bundle_tx(&self, bundle: u64, new: BundleTx) -> Result<(), StoreError> {
        self.write(move |tx, _| {
            insert_tx(tx, bundle, &new)?;
            tx.execute(
                "UPDATE bundles SET signed_at = ?2 WHERE id = ?1",
                params![int(bundle), int(now_millis())],
            )?;
            Ok(())
        })
        .await
    }

    /// Records where a bundle stands.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn set_bundle_status(
        &self,
        bundle: u64,
        status: BundleStatus,
    ) -> Result<(), StoreError> {
        self.write(move |tx, _| write_status(tx, bundle, status)).await
    }

    /// Moves the jobs of a judged bundle and records where it stands, in one transaction. A job
    /// that moved meanwhile is left alone.
    ///
    /// # Errors
    /// A fault of the store; nothing is kept then.
    pub async fn judge_bundle(
        &self,
        bundle: u64,
        status: BundleStatus,
        verdicts: Vec<Commit>,
    ) -> Result<Vec<JobRow>, StoreError> {
        self.write(move |tx, changed| {
            let moved = commit_current(tx, changed, verdicts)?;
            write_status(tx, bundle, status)?;
            Ok(moved)
        })
        .await
    }

    /// Reads the jobs that still travel with a bundle.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn travellers(&self, bundle: u64) -> Result<Vec<JobRow>, StoreError> {
        self.call(move |connection| passengers(&connection.transaction()?, bundle)).await
    }

    /// Bundles that are open or mined and not closed, by nonce.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn live_bundles(&self) -> Result<Vec<StoredBundle>, StoreError> {
        self.call(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, nonce, status, ops, plan, mined_at, mined_in, signed_at FROM bundles
                 WHERE status IN ('open', 'mined') ORDER BY nonce, id",
            )?;
            let raw: Vec<RawBundle> = statement.query_map([], read)?.collect::<Result<_, _>>()?;
            raw.into_iter().map(|raw| parse(connection, raw)).collect()
        })
        .await
    }

    /// One above the highest nonce that any bundle was ever signed for; 0 without bundles.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn next_bundle_nonce(&self) -> Result<u64, StoreError> {
        self.call(|connection| {
            let highest: Option<i64> =
                connection.query_row("SELECT max(nonce) FROM bundles", [], |row| row.get(0))?;
            Ok(highest.map_or(0, |nonce| uint(nonce) + 1))
        })
        .await
    }
}

/// A closed bundle keeps the block that it was mined in.
pub(super) fn write_status(
    tx: &Transaction<'_>,
    bundle: u64,
    status: BundleStatus,
) -> Result<(), StoreError> {
    let (name, block) = match status {
        BundleStatus::Open => ("open", None),
        BundleStatus::Mined(block) => ("mined", Some(block)),
        BundleStatus::Shelved => ("shelved", None),
        BundleStatus::Closed => {
            tx.prepare_cached("UPDATE bundles SET status = 'closed' WHERE id = ?1")?
                .execute([int(bundle)])?;
            return Ok(());
        }
    };
    tx.prepare_cached(
        "UPDATE bundles SET status = ?2, mined_at = ?3, mined_in = ?4 WHERE id = ?1",
    )?
    .execute(params![
        int(bundle),
        name,
        block.map(|block| int(block.number)),
        block.map(|block| block.hash.to_vec()),
    ])?;
    Ok(())
}

/// The jobs that still travel with a bundle.
pub(super) fn passengers(tx: &Transaction<'_>, bundle: u64) -> Result<Vec<JobRow>, StoreError> {
    let mut rows = loaded(tx, bundle)?;
    rows.retain(|row| matches!(&row.state, State::Sent(sent) if sent.bundle == bundle));
    Ok(rows)
}

/// The jobs that a bundle was made for.
pub(super) fn loaded(tx: &Transaction<'_>, bundle: u64) -> Result<Vec<JobRow>, StoreError> {
    let ops: Option<String> = tx
        .prepare_cached("SELECT ops FROM bundles WHERE id = ?1")?
        .query_row([int(bundle)], |row| row.get(0))
        .optional()?;
    let Some(ops) = ops else { return Ok(Vec::new()) };
    // The operations themselves are not needed, nor worth being parsed.
    let ops: Vec<(u64, IgnoredAny)> = from_json("bundle", &ops)?;
    let mut rows = Vec::with_capacity(ops.len());
    for (job, _) in ops {
        rows.extend(jobs::find(tx, job)?);
    }
    Ok(rows)
}

/// Bundles mined in a block that left the chain are open again.
pub(super) fn unmine(tx: &Transaction<'_>, block: BlockRef) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE bundles SET status = 'open', mined_at = NULL, mined_in = NULL
         WHERE status = 'mined' AND mined_in = ?1",
        [block.hash.as_slice()],
    )?;
    Ok(())
}

fn insert_tx(tx: &Transaction<'_>, bundle: u64, new: &BundleTx) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR IGNORE INTO bundle_txs (hash, bundle, fees, raw) VALUES (?1, ?2, ?3, ?4)",
        params![new.hash.as_slice(), int(bundle), to_json("fees", &new.fees)?, new.raw.as_ref()],
    )?;
    Ok(())
}

pub(super) type RawBundle = (i64, i64, String, String, String, Option<i64>, Option<Vec<u8>>, i64);

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RawBundle> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

pub(super) fn parse(connection: &Connection, raw: RawBundle) -> Result<StoredBundle, StoreError> {
    let (id, nonce, status, ops, plan, mined_at, mined_in, signed_at) = raw;
    let status = match (status.as_str(), mined_at, mined_in) {
        ("open", ..) => BundleStatus::Open,
        ("shelved", ..) => BundleStatus::Shelved,
        ("closed", ..) => BundleStatus::Closed,
        ("mined", Some(number), Some(bytes)) => {
            BundleStatus::Mined(BlockRef { number: uint(number), hash: hash(&bytes)? })
        }
        (other, ..) => return Err(unreadable("bundle status", &other)),
    };
    Ok(StoredBundle {
        id: uint(id),
        nonce: uint(nonce),
        status,
        ops: from_json("bundle", &ops)?,
        plan: from_json("fees", &plan)?,
        txs: transactions(connection, id)?,
        signed_at: uint(signed_at),
    })
}

fn transactions(connection: &Connection, bundle: i64) -> Result<Vec<BundleTx>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, fees, raw FROM bundle_txs WHERE bundle = ?1 ORDER BY rowid",
    )?;
    let rows = statement.query_map([bundle], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    rows.map(|row| {
        let (bytes, fees, raw) = row?;
        Ok(BundleTx { hash: hash(&bytes)?, fees: from_json("fees", &fees)?, raw: raw.into() })
    })
    .collect()
}

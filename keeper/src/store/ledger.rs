//! Bundles beside the chain's next nonce: which are open, which used one, and which are shelved
//! because their operations travel otherwise.

use domain::job::{BlockRef, Event, State};
use rusqlite::Transaction;

use super::actor::Store;
use super::bundles::{
    BundleStatus, RawBundle, StoredBundle, loaded, parse, passengers, read, write_status,
};
use super::error::StoreError;
use super::jobs;
use super::values::{hash, int, uint};

/// A mined bundle, waiting to be deep enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinedBundle {
    /// Its number.
    pub id: u64,
    /// Nonce of the bundler's account.
    pub nonce: u64,
    /// The block that holds it.
    pub block: BlockRef,
}

/// Bundles in sight of the chain's next nonce.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Open ones, by nonce.
    pub open: Vec<StoredBundle>,
    /// Mined ones that are not closed, by nonce.
    pub mined: Vec<MinedBundle>,
    /// Shelved ones, by nonce, without their operations.
    pub shelved: Vec<StoredBundle>,
    /// The highest nonce that is known to be used.
    pub used: Option<u64>,
}

impl Store {
    /// Reads everything about bundles that decides on nonces.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn ledger(&self) -> Result<Ledger, StoreError> {
        self.call(|connection| read_ledger(&connection.transaction()?)).await
    }

    /// Opens a mined bundle whose block left the chain, and takes back the settlements in it.
    ///
    /// # Errors
    /// A fault of the store; nothing is kept then.
    pub async fn reopen_bundle(&self, mined: MinedBundle) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for row in loaded(tx, mined.id)? {
                let settlement = row.state.settlement();
                if matches!(row.state, State::Settled(_))
                    && settlement.is_some_and(|found| found.block == mined.block)
                {
                    changed.push(row.id);
                    jobs::advance(tx, row, Event::SettlementRemoved)?;
                }
            }
            write_status(tx, mined.id, BundleStatus::Open)
        })
        .await
    }

    /// Shelves a bundle: the jobs that travel with it are free to be bundled otherwise.
    ///
    /// # Errors
    /// A fault of the store; nothing is kept then.
    pub async fn shelve_bundle(&self, bundle: u64) -> Result<(), StoreError> {
        self.write(move |tx, changed| {
            for row in passengers(tx, bundle)? {
                changed.push(row.id);
                jobs::advance(tx, row, Event::Dropped)?;
            }
            write_status(tx, bundle, BundleStatus::Shelved)
        })
        .await
    }

    /// Shelves every bundle whose nonce was used and is not any more: the chain went back to
    /// where `nonce` is the next one.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn shelve_used_from(&self, nonce: u64) -> Result<usize, StoreError> {
        self.write(move |tx, _| {
            Ok(tx.execute(
                "UPDATE bundles SET status = 'shelved', mined_at = NULL, mined_in = NULL
                 WHERE status IN ('mined', 'closed') AND nonce >= ?1",
                [int(nonce)],
            )?)
        })
        .await
    }

    /// Closes the shelved bundles below `nonce`, the next one on the chain.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn close_shelved_below(&self, nonce: u64) -> Result<(), StoreError> {
        self.write(move |tx, _| {
            tx.execute(
                "UPDATE bundles SET status = 'closed' WHERE status = 'shelved' AND nonce < ?1",
                [int(nonce)],
            )?;
            Ok(())
        })
        .await
    }
}

fn read_ledger(tx: &Transaction<'_>) -> Result<Ledger, StoreError> {
    let read_all = |sql: &str| -> Result<Vec<StoredBundle>, StoreError> {
        let mut statement = tx.prepare_cached(sql)?;
        let raw: Vec<RawBundle> = statement.query_map([], read)?.collect::<Result<_, _>>()?;
        raw.into_iter().map(|raw| parse(tx, raw)).collect()
    };
    let open = read_all(
        "SELECT id, nonce, status, ops, plan, mined_at, mined_in, signed_at FROM bundles
         WHERE status = 'open' ORDER BY nonce, id",
    )?;
    let shelved = read_all(
        "SELECT id, nonce, status, '[]', plan, mined_at, mined_in, signed_at FROM bundles
         WHERE status = 'shelved' ORDER BY nonce, id",
    )?;
    let mut statement = tx.prepare_cached(
        "SELECT id, nonce, mined_at, mined_in FROM bundles WHERE status = 'mined' ORDER BY nonce",
    )?;
    let mined = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
    })?;
    let mined = mined.map(|row| {
        let (id, nonce, number, bytes) = row?;
        let block = BlockRef { number: uint(number), hash: hash(&bytes)? };
        Ok::<_, StoreError>(MinedBundle { id: uint(id), nonce: uint(nonce), block })
    });
    let mined = mined.collect::<Result<_, _>>()?;
    let used: Option<i64> = tx
        .prepare_cached("SELECT max(nonce) FROM bundles WHERE status IN ('mined', 'closed')")?
        .query_row([], |row| row.get(0))?;
    Ok(Ledger { open, mined, shelved, used: used.map(uint) })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::store::{BundleTx, Fees, NewBundle};

    const PLAN: Fees = Fees { gas_limit: 1, max_fee_per_gas: 5, max_priority_fee_per_gas: 0 };

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: B256::with_last_byte(number as u8) }
    }

    async fn store_with_bundles(nonces: &[u64]) -> (tempfile::TempDir, Store, Vec<u64>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("keeper.db")).await.unwrap();
        let mut ids = Vec::new();
        for nonce in nonces {
            let new = NewBundle { nonce: *nonce, ops: vec![], plan: PLAN };
            ids.push(store.store_bundle(new).await.unwrap());
        }
        (folder, store, ids)
    }

    fn nonces(bundles: &[StoredBundle]) -> Vec<u64> {
        bundles.iter().map(|bundle| bundle.nonce).collect()
    }

    #[tokio::test]
    async fn the_ledger_tells_used_open_and_shelved_nonces_apart() {
        let (_folder, store, ids) = store_with_bundles(&[4, 5, 6, 7]).await;
        assert_eq!(store.ledger().await.unwrap().used, None);
        store.set_bundle_status(ids[0], BundleStatus::Closed).await.unwrap();
        store.set_bundle_status(ids[1], BundleStatus::Mined(block(9))).await.unwrap();
        store.shelve_bundle(ids[3]).await.unwrap();
        let ledger = store.ledger().await.unwrap();
        assert_eq!((nonces(&ledger.open), nonces(&ledger.shelved)), (vec![6], vec![7]));
        let mined = MinedBundle { id: ids[1], nonce: 5, block: block(9) };
        assert_eq!((ledger.mined, ledger.used), (vec![mined], Some(5)));
    }

    #[tokio::test]
    async fn a_chain_that_goes_back_shelves_what_used_its_nonces_with_its_transactions() {
        let (_folder, store, ids) = store_with_bundles(&[4, 5, 6]).await;
        let tx = BundleTx { hash: B256::repeat_byte(1), fees: PLAN, raw: vec![1].into() };
        store.add_bundle_tx(ids[1], tx.clone()).await.unwrap();
        for id in &ids {
            store.set_bundle_status(*id, BundleStatus::Mined(block(9))).await.unwrap();
        }
        store.set_bundle_status(ids[1], BundleStatus::Closed).await.unwrap();
        assert_eq!(store.shelve_used_from(5).await.unwrap(), 2);
        let ledger = store.ledger().await.unwrap();
        assert_eq!((nonces(&ledger.shelved), ledger.used), (vec![5, 6], Some(4)));
        assert_eq!(ledger.shelved[0].txs, [tx], "what was signed is not forgotten");

        store.close_shelved_below(6).await.unwrap();
        let ledger = store.ledger().await.unwrap();
        assert_eq!((nonces(&ledger.shelved), ledger.used), (vec![6], Some(5)));
    }
}

//! The store on real files: what commits, what does not, and what survives.

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, keccak256};
use bytes::Bytes;
use domain::ids::{AgentId, ImageDigest, PurchaseId};
use domain::job::{BlockRef, Effect, Event, Kind, Purchase, Settlement, State, Terms};
use domain::userop::PackedUserOperation;
use tempfile::TempDir;

use super::*;

mod orders;

const INPUT: &[u8] = b"some input";

async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("keeper.db")).await.unwrap();
    (folder, store)
}

fn block(number: u64, fork: u8) -> BlockRef {
    let mut hash = B256::with_last_byte(fork);
    hash.0[..8].copy_from_slice(&number.to_be_bytes());
    BlockRef { number, hash }
}

fn purchase(id: u64, block: BlockRef) -> Purchase {
    Purchase {
        id: PurchaseId(id),
        agent_id: AgentId::from(1),
        version: 1,
        buyer: Address::repeat_byte(7),
        escrow: U96::from(5),
        deadline: 99,
        input_hash: keccak256(INPUT),
        block,
    }
}

fn bought(id: u64, block: BlockRef) -> BlockFacts {
    BlockFacts { block, facts: vec![Fact::Purchased(Box::new(purchase(id, block)), None)] }
}

fn terms() -> Terms {
    Terms {
        payee: Address::repeat_byte(1),
        price: U96::from(5),
        max_seconds: 10,
        image_digest: ImageDigest(B256::repeat_byte(2)),
        manifest_hash: B256::repeat_byte(3),
        manifest: None,
    }
}

fn settled(block: BlockRef) -> Settlement {
    Settlement {
        keeper: Address::repeat_byte(9),
        receipt_hash: B256::ZERO,
        ours: false,
        ok: true,
        tx_hash: B256::ZERO,
        block,
        charge: U96::from(5),
        keeper_fee: U96::ZERO,
        protocol_fee: U96::ZERO,
    }
}

async fn kind(store: &Store, id: u64) -> Kind {
    store.job(id).await.unwrap().unwrap().state.kind()
}

async fn advance(store: &Store, id: u64, event: Event) -> JobRow {
    let row = store.job(id).await.unwrap().unwrap();
    store.commit(Commit::new(&row, event)).await.unwrap()
}

#[tokio::test]
async fn a_purchase_becomes_a_job_that_owes_its_confirmation_and_survives_a_restart() {
    let (folder, store) = store().await;
    store.add_blocks(vec![bought(4, block(10, 0))], 100).await.unwrap();
    let expected = store.job(4).await.unwrap().unwrap();
    drop(store);
    let path = folder.path().join("keeper.db");
    let store = loop {
        // The old thread may need a moment to let go of the lock.
        match Store::open(&path).await {
            Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert_eq!(store.job(4).await.unwrap().unwrap(), expected);
    let owed = Owed { job: 4, version: 1, effect: Effect::Confirm };
    assert_eq!(store.outbox().await.unwrap(), [owed]);
    assert_eq!(store.blocks().await.unwrap(), [block(10, 0)]);
    let events = store.events(4, 0, 10).await.unwrap();
    assert_eq!((events[0].kind, events[0].text.as_str()), (EventKind::State, "seen"));
}

#[tokio::test]
async fn a_commit_needs_the_version_it_was_decided_on() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    let old = store.job(1).await.unwrap().unwrap();
    store.commit(Commit::new(&old, Event::Confirmed(terms()))).await.unwrap();
    let late = store.commit(Commit::new(&old, Event::Expired)).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict { expected: 1, found: 2, .. }), "{late}");
    assert_eq!(kind(&store, 1).await, Kind::Confirmed);
    assert_eq!(store.outbox().await.unwrap()[0].effect, Effect::AwaitInput);
}

#[tokio::test]
async fn of_two_racing_commits_one_wins() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    let race = (0..8).map(|_| store.commit(Commit::new(&row, Event::Confirmed(terms()))));
    let results = futures::future::join_all(race).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(store.job(1).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn an_illegal_move_keeps_nothing_of_itself() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    let commit = Commit::new(&row, Event::Finalized).with_blob("extra".into());
    assert!(matches!(store.commit(commit).await, Err(StoreError::Illegal { job: 1, .. })));
    assert!(!store.has_blob(keccak256("extra")).await.unwrap());
    assert_eq!(store.job(1).await.unwrap().unwrap(), row);
    assert_eq!(store.events(1, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_input_is_taken_only_while_somebody_waits_for_it() {
    let (_folder, store) = store().await;
    let put = |bytes: &'static [u8]| store.put_input(Bytes::from_static(bytes));
    assert_eq!(put(INPUT).await.unwrap(), PutInput::NotWanted);
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    let wanted = store.wanted_input(keccak256(INPUT)).await.unwrap().unwrap();
    assert_eq!((wanted.job, wanted.max_bytes), (1, u64::MAX));
    let mut changes = store.changes();
    assert_eq!(put(INPUT).await.unwrap(), PutInput::Stored);
    assert_eq!(changes.recv().await.unwrap(), Change { job: 1, moved: true });
    assert_eq!(put(INPUT).await.unwrap(), PutInput::AlreadyStored);
    assert_eq!(put(b"other").await.unwrap(), PutInput::NotWanted);
    assert_eq!(store.wanted_input(keccak256(INPUT)).await.unwrap(), None);
    assert_eq!(store.blob(keccak256(INPUT)).await.unwrap().unwrap(), INPUT);
}

#[tokio::test]
async fn a_removed_block_takes_back_what_it_said_and_nothing_else() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0)), bought(2, block(2, 0))], 100).await.unwrap();
    let facts = vec![Fact::Settled(1, Box::new(settled(block(3, 0))))];
    store.add_blocks(vec![BlockFacts { block: block(3, 0), facts }], 100).await.unwrap();
    assert_eq!(kind(&store, 1).await, Kind::Settled);

    store.remove_blocks(vec![block(3, 9)]).await.unwrap();
    assert_eq!(kind(&store, 1).await, Kind::Settled, "another block of that height");
    store.remove_blocks(vec![block(3, 0)]).await.unwrap();
    assert_eq!((kind(&store, 1).await, kind(&store, 2).await), (Kind::Seen, Kind::Seen));
    store.remove_blocks(vec![block(2, 0)]).await.unwrap();
    assert_eq!((kind(&store, 1).await, kind(&store, 2).await), (Kind::Seen, Kind::Reorged));
    assert_eq!(store.blocks().await.unwrap(), [block(1, 0)]);

    store.add_blocks(vec![bought(2, block(2, 1))], 100).await.unwrap();
    let row = store.job(2).await.unwrap().unwrap();
    assert_eq!((row.state.kind(), row.state.purchase().block), (Kind::Seen, block(2, 1)));
}

#[tokio::test]
async fn old_blocks_are_forgotten_but_not_their_jobs() {
    let (_folder, store) = store().await;
    for number in 1..=20 {
        store.add_blocks(vec![bought(number, block(number, 0))], 5).await.unwrap();
    }
    let numbers: Vec<_> = store.blocks().await.unwrap().iter().map(|block| block.number).collect();
    assert_eq!(numbers, [20, 19, 18, 17, 16, 15]);
    assert_eq!(store.jobs(0, 100).await.unwrap().len(), 20);
    assert_eq!(
        store.jobs(17, 2).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>(),
        [18, 19]
    );
}

#[tokio::test]
async fn log_lines_and_states_form_one_sequence() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0)), bought(2, block(2, 0))], 100).await.unwrap();
    store.append_log((1, 1), 1, vec![(5, "one".into()), (6, "two".into())]).await.unwrap();
    advance(&store, 1, Event::Confirmed(terms())).await;
    let events = store.events(1, 0, 100).await.unwrap();
    let texts: Vec<_> = events.iter().map(|event| event.text.as_str()).collect();
    assert_eq!(texts, ["seen", "one", "two", "confirmed"]);
    let rest = store.events(1, events[1].cursor, 100).await.unwrap();
    assert_eq!(rest, events[2..]);
    assert_eq!(
        (store.log_lines(1, 1).await.unwrap(), store.log_lines(1, 2).await.unwrap()),
        (2, 0)
    );
}

#[tokio::test]
async fn a_bundle_moves_all_its_jobs_or_none() {
    let (_folder, store) = store().await;
    for id in 1..=2 {
        store.add_blocks(vec![bought(id, block(id, 0))], 100).await.unwrap();
    }
    let plan = Fees { gas_limit: 1, max_fee_per_gas: 1 << 70, max_priority_fee_per_gas: 0 };
    let op = PackedUserOperation::default();
    let ops = vec![(1, 1, op.clone()), (2, 1, op)];
    // Neither job is signed: the bundle must leave no trace.
    let refused = store.store_bundle(NewBundle { nonce: 7, ops, plan }).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    assert!(store.live_bundles().await.unwrap().is_empty());
    assert_eq!(store.next_bundle_nonce().await.unwrap(), 0);
}

#[tokio::test]
async fn a_bundle_is_open_again_when_its_block_leaves_the_chain() {
    let (_folder, store) = store().await;
    let plan = Fees { gas_limit: 1, max_fee_per_gas: 1 << 70, max_priority_fee_per_gas: 0 };
    let id = store.store_bundle(NewBundle { nonce: 7, ops: vec![], plan }).await.unwrap();
    let tx = BundleTx { hash: B256::repeat_byte(1), fees: plan, raw: vec![1, 2].into() };
    store.add_bundle_tx(id, tx.clone()).await.unwrap();
    store.set_bundle_status(id, BundleStatus::Mined(block(4, 0))).await.unwrap();
    store.remove_blocks(vec![block(4, 1)]).await.unwrap();
    assert_eq!(store.live_bundles().await.unwrap()[0].status, BundleStatus::Mined(block(4, 0)));
    store.remove_blocks(vec![block(4, 0)]).await.unwrap();
    let bundle = store.live_bundles().await.unwrap().remove(0);
    assert_eq!((bundle.status, bundle.nonce, bundle.txs), (BundleStatus::Open, 7, vec![tx]));
    store.set_bundle_status(id, BundleStatus::Closed).await.unwrap();
    assert!(store.live_bundles().await.unwrap().is_empty());
    assert_eq!(store.next_bundle_nonce().await.unwrap(), 8);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_but_not_what_others_need() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0)), bought(2, block(2, 0))], 100).await.unwrap();
    store.put_input(INPUT.into()).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    let commit = Commit::new(&row, Event::Expired).with_blob("mine alone".into());
    store.commit(commit).await.unwrap();
    store.append_log((1, 2), 1, vec![(1, "line".into())]).await.unwrap();
    let age = store.job(1).await.unwrap().unwrap().updated_at;

    assert_eq!(store.forget(age).await.unwrap(), 0, "not old enough");
    assert!(store.has_blob(keccak256("mine alone")).await.unwrap());
    assert_eq!(store.forget(age + 1).await.unwrap(), 1);
    assert!(!store.has_blob(keccak256("mine alone")).await.unwrap());
    assert!(store.has_blob(keccak256(INPUT)).await.unwrap(), "job 2 needs it");
    let events = store.events(1, 0, 10).await.unwrap();
    assert!(events.iter().all(|event| event.kind == EventKind::State));
    assert_eq!(kind(&store, 1).await, Kind::Expired);
    assert_eq!(store.forget(age + 1).await.unwrap(), 0, "only once");
}

#[tokio::test]
async fn two_keepers_never_share_a_store() {
    let (folder, _store) = store().await;
    let second = Store::open(&folder.path().join("keeper.db")).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })));
}

#[tokio::test]
async fn a_store_belongs_to_one_deployment() {
    let (_folder, store) = store().await;
    let identity = |registry: &str| Identity(vec![("registry", registry.to_owned())]);
    store.claim(identity("0x1")).await.unwrap();
    store.claim(identity("0x1")).await.unwrap();
    let error = store.claim(identity("0x2")).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }));
    assert!(error.to_string().contains("0x1") && error.to_string().contains("0x2"));
}

#[tokio::test]
async fn files_that_are_no_store_are_refused_with_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("garbage.db");
    std::fs::write(&path, [b'x'; 8192]).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), [b'x'; 8192], "left as it was");

    let path = folder.path().join("newer.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_heals() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    let limit = |pages: i64| {
        store.call(move |connection| {
            Ok(connection
                .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
                .and_then(|used| {
                    connection.pragma_update_and_check(
                        None,
                        "max_page_count",
                        used + pages,
                        |row| row.get::<_, i64>(0),
                    )
                })?)
        })
    };
    limit(0).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    let commit =
        || Commit::new(&row, Event::Confirmed(terms())).with_blob(Bytes::from(vec![1; 100_000]));
    let error = store.commit(commit()).await.unwrap_err();
    assert!(matches!(error, StoreError::Full) && error.is_retryable(), "{error}");
    assert_eq!(store.job(1).await.unwrap().unwrap(), row);
    assert!(matches!(store.trouble(), Some(StoreError::Full)), "although it answers reads");
    limit(1000).await.unwrap();
    store.try_write().await.unwrap();
    assert!(store.trouble().is_none());
    assert_eq!(store.commit(commit()).await.unwrap().state.kind(), Kind::Confirmed);
}

#[test]
fn states_in_the_store_are_named_as_the_machine_names_them() {
    let state = State::seen(purchase(1, block(1, 0)));
    assert!(values::to_json("job state", &state).unwrap().starts_with("{\"seen\":"));
}

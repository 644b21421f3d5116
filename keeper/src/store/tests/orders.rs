//! Orders of one number, purchases that no log told of, locks, and stores of older keepers.

use std::time::{Duration, Instant};

use alloy::primitives::Bytes as Raw;
use domain::job::{Finished, Intent, Order, Past, RunRecord, Work};
use domain::receipt::{ExecutionReceipt, Outcome};

use super::*;

fn record() -> RunRecord {
    RunRecord {
        attempt: 1,
        outcome: Outcome::Ok,
        exit_code: 0,
        detail: "exit code 0".into(),
        result_hash: keccak256("result"),
        log_hash: keccak256(""),
        started_at: 1,
        finished_at: 2,
        cpu_micros: 3,
        peak_memory_bytes: 4,
    }
}

/// Another order than [`bought`] gives, by another buyer.
fn bought_by(buyer: u8, id: u64, block: BlockRef) -> BlockFacts {
    let purchase = Purchase { buyer: Address::repeat_byte(buyer), ..purchase(id, block) };
    BlockFacts { block, facts: vec![Fact::Purchased(Box::new(purchase), None)] }
}

async fn produced(store: &Store, id: u64) {
    advance(store, id, Event::Confirmed(terms())).await;
    advance(store, id, Event::InputStored).await;
    advance(store, id, Event::Started).await;
    advance(store, id, Event::Produced(record())).await;
}

#[tokio::test]
async fn what_was_final_is_taken_back_and_begins_anew_when_another_order_takes_its_number() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    produced(&store, 1).await;
    let facts = vec![Fact::Settled(1, Box::new(settled(block(2, 0))))];
    store.add_blocks(vec![BlockFacts { block: block(2, 0), facts }], 100).await.unwrap();
    let closed = advance(&store, 1, Event::Finalized).await;
    assert_eq!((closed.state.kind(), closed.first_event), (Kind::Final, 0));
    let former = closed.state.purchase().clone();

    store.remove_blocks(vec![block(2, 0), block(1, 0)]).await.unwrap();
    assert_eq!(kind(&store, 1).await, Kind::Reorged);
    store.add_blocks(vec![bought_by(8, 1, block(1, 1))], 100).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    assert_eq!((row.state.kind(), row.state.run()), (Kind::Seen, None));
    assert!(row.created_at >= closed.created_at);

    // Nothing from before is seen by who asks for this order's events.
    let events = store.events(1, row.first_event - 1, 100).await.unwrap();
    let texts: Vec<_> = events.iter().map(|event| event.text.as_str()).collect();
    assert_eq!(texts, ["seen"]);
    assert_eq!(store.outbox().await.unwrap()[0].effect, Effect::Confirm);

    // The former order's work is kept for when it comes back.
    let kept = store.former_work(1, former.order_hash()).await.unwrap().unwrap();
    assert_eq!(kept.finished().run, record());
    assert!(Past::new(former).take_up(kept).is_some());
    let own = row.state.purchase().order_hash();
    assert_eq!(store.former_work(1, own).await.unwrap(), None);
}

#[tokio::test]
async fn log_lines_of_a_former_orders_run_that_come_late_are_not_stored() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    advance(&store, 1, Event::Confirmed(terms())).await;
    advance(&store, 1, Event::InputStored).await;
    let run = (1, advance(&store, 1, Event::Started).await.version);
    store.append_log(run, 1, vec![(1, "in time".into())]).await.unwrap();
    assert_eq!(store.log_lines(1, 1).await.unwrap(), 1);

    store.remove_blocks(vec![block(1, 0)]).await.unwrap();
    store.add_blocks(vec![bought_by(8, 1, block(1, 1))], 100).await.unwrap();
    let late = store.append_log(run, 1, vec![(2, "too late".into())]).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict { job: 1, .. }), "{late}");
    let first = store.job(1).await.unwrap().unwrap().first_event;
    let events = store.events(1, first - 1, 100).await.unwrap();
    assert!(events.iter().all(|event| event.kind == EventKind::State), "{events:?}");
    // Nor are its lines taken for those of the present order's first attempt.
    assert_eq!(store.log_lines(1, 1).await.unwrap(), 0);
}

#[tokio::test]
async fn the_same_order_in_another_block_goes_on_with_its_events_and_its_work() {
    let (_folder, store) = store().await;
    store.add_blocks(vec![bought(1, block(1, 0))], 100).await.unwrap();
    produced(&store, 1).await;
    store.remove_blocks(vec![block(1, 0)]).await.unwrap();
    store.add_blocks(vec![bought(1, block(1, 1))], 100).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    assert_eq!((row.first_event, row.state.run()), (0, Some(&record())));
    // Without a block between, too: the watcher may never have seen that it was gone.
    store.add_blocks(vec![bought_by(8, 1, block(2, 2))], 100).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    assert!(row.first_event > 0 && row.state.run().is_none());
}

#[tokio::test]
async fn work_of_many_former_orders_is_kept_but_not_of_all() {
    let (_folder, store) = store().await;
    for buyer in 1..=80 {
        let block = block(u64::from(buyer), 0);
        store.add_blocks(vec![bought_by(buyer, 1, block)], 200).await.unwrap();
        produced(&store, 1).await;
    }
    let count = |connection: &mut rusqlite::Connection| {
        Ok(connection.query_row("SELECT count(*) FROM former_work", [], |row| row.get(0))?)
    };
    let kept: i64 = store.call(count).await.unwrap();
    assert_eq!(kept, 64);
}

#[tokio::test]
async fn numbers_without_a_job_are_found_and_taken_in_without_moving_the_cursor() {
    let (_folder, store) = store().await;
    let missing = async |from, to| store.missing_jobs(from, to, 4).await.unwrap();
    assert_eq!(missing(1, 0).await, [] as [u64; 0]);
    assert_eq!(missing(1, 2).await, [2, 1]);
    for id in [3, 4, 6] {
        store.add_blocks(vec![bought(id, block(id, 0))], 100).await.unwrap();
    }
    assert_eq!(missing(3, 4).await, [] as [u64; 0]);
    assert_eq!(missing(1, 8).await, [8, 7, 5, 2], "the newest, and no more than asked for");
    store.remove_blocks(vec![block(6, 0)]).await.unwrap();
    assert_eq!(missing(3, 6).await, [6, 5], "one that left the chain is missing, too");

    store.add_missed(vec![bought(5, block(4, 0)), bought(6, block(4, 0))]).await.unwrap();
    assert_eq!(missing(3, 6).await, [] as [u64; 0]);
    assert_eq!(store.blocks().await.unwrap()[0], block(4, 0));
    store.remove_blocks(vec![block(4, 0)]).await.unwrap();
    assert_eq!(kind(&store, 5).await, Kind::Reorged, "it leaves with its block");
}

#[tokio::test]
async fn while_another_program_holds_the_lock_changes_wait_and_reads_go_on() {
    let (folder, store) = store().await;
    let other = rusqlite::Connection::open(folder.path().join("keeper.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let writes: Vec<_> = (1..=5)
        .map(|id| {
            let store = store.clone();
            tokio::spawn(async move { store.add_blocks(vec![bought(id, block(id, 0))], 9).await })
        })
        .collect();
    // Longer than the second that a change used to wait.
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        assert!(store.jobs(0, 10).await.unwrap().is_empty());
        assert!(store.trouble().is_none());
    }
    assert!(writes.iter().all(|write| !write.is_finished()));
    other.execute_batch("COMMIT").unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.jobs(0, 10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_lock_that_lasts_is_trouble_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keeper.db");
    let store = Store::open_patient(&path, Duration::from_millis(300)).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.put_blob("x".into()).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked) && error.is_retryable(), "{error}");
    assert!(matches!(store.trouble(), Some(StoreError::Locked)));
    other.execute_batch("COMMIT").unwrap();
    // Nobody has to write for the store to notice.
    while store.trouble().is_some() {
        tokio::task::yield_now().await;
    }
    store.put_blob("x".into()).await.unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_release_is_taken_over_with_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keeper.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/0001_jobs.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let finished = Finished {
        order: Order { purchase: purchase(1, block(1, 0)), terms: terms(), attempts: 1 },
        run: record(),
    };
    let state = State::Produced(finished.clone());
    old.execute(
        "INSERT INTO jobs VALUES (1, 5, 'produced', ?1, ?2, 10, 20)",
        rusqlite::params![serde_json::to_string(&state).unwrap(), keccak256(INPUT).as_slice()],
    )
    .unwrap();
    drop(old);
    let store = Store::open(&path).await.unwrap();
    let row = store.job(1).await.unwrap().unwrap();
    assert_eq!((row.version, row.first_event, row.state), (5, 0, state));
    let intent = Intent {
        receipt: receipt(&finished),
        receipt_hash: B256::ZERO,
        receipt_signature: Raw::new(),
    };
    advance(&store, 1, Event::Intended(Box::new(intent))).await;
    store.add_blocks(vec![bought_by(8, 1, block(2, 0))], 100).await.unwrap();
    let work = store.former_work(1, finished.order.purchase.order_hash()).await.unwrap();
    assert!(matches!(work, Some(Work::Prepared(_))));
}

fn receipt(finished: &Finished) -> ExecutionReceipt {
    let purchase = &finished.order.purchase;
    ExecutionReceipt {
        purchase_id: purchase.id,
        agent_id: purchase.agent_id,
        version: purchase.version,
        buyer: purchase.buyer,
        keeper: Address::ZERO,
        image_digest: terms().image_digest,
        manifest_hash: terms().manifest_hash,
        input_hash: purchase.input_hash,
        result_hash: B256::ZERO,
        log_hash: B256::ZERO,
        outcome: Outcome::Ok,
        exit_code: 0,
        started_at: 1,
        finished_at: 2,
        cpu_micros: 3,
        peak_memory_bytes: 4,
        charge: U96::ZERO,
    }
}

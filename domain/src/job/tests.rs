//! The machine under random events, and its picture in the book.

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, U256};
use proptest::prelude::*;

use super::*;
use crate::ids::{AgentId, ImageDigest, PurchaseId};
use crate::receipt::{ExecutionReceipt, Outcome};
use crate::userop::PackedUserOperation;

mod orders;

fn purchase(id: u64, buyer: u8) -> Purchase {
    Purchase {
        id: PurchaseId(id),
        agent_id: AgentId::from(3),
        version: 1,
        buyer: Address::repeat_byte(buyer),
        escrow: U96::from(1000),
        deadline: 5000,
        input_hash: B256::repeat_byte(4),
        block: BlockRef { number: 9, hash: B256::repeat_byte(9) },
    }
}

fn run(outcome: Outcome) -> RunRecord {
    RunRecord {
        attempt: 1,
        outcome,
        exit_code: i64::from(!outcome.is_ok()),
        detail: outcome.reason().into(),
        result_hash: B256::ZERO,
        log_hash: B256::ZERO,
        started_at: 1,
        finished_at: 2,
        cpu_micros: 3,
        peak_memory_bytes: 4,
    }
}

fn terms() -> Terms {
    Terms {
        payee: Address::repeat_byte(2),
        price: U96::from(1000),
        max_seconds: 60,
        image_digest: ImageDigest(B256::repeat_byte(5)),
        manifest_hash: B256::repeat_byte(6),
        manifest: None,
    }
}

fn intent(outcome: Outcome) -> Intent {
    let receipt = ExecutionReceipt {
        purchase_id: PurchaseId(1),
        agent_id: AgentId::from(3),
        version: 1,
        buyer: Address::ZERO,
        keeper: Address::ZERO,
        image_digest: ImageDigest(B256::ZERO),
        manifest_hash: B256::ZERO,
        input_hash: B256::ZERO,
        result_hash: B256::ZERO,
        log_hash: B256::ZERO,
        outcome,
        exit_code: 0,
        started_at: 0,
        finished_at: 0,
        cpu_micros: 0,
        peak_memory_bytes: 0,
        charge: U96::ZERO,
    };
    Intent { receipt, receipt_hash: B256::ZERO, receipt_signature: vec![7; 65].into() }
}

fn finished(outcome: Outcome) -> Finished {
    Finished {
        order: Order { purchase: purchase(1, 1), terms: terms(), attempts: 1 },
        run: run(outcome),
    }
}

fn settlement() -> Settlement {
    Settlement {
        keeper: Address::repeat_byte(8),
        receipt_hash: B256::ZERO,
        ours: true,
        ok: true,
        tx_hash: B256::ZERO,
        block: BlockRef::default(),
        charge: U96::from(1000),
        keeper_fee: U96::from(50),
        protocol_fee: U96::from(10),
    }
}

/// An event of this kind; `outcome` fills in what data the event carries about a run.
fn event(kind: EventKind, outcome: Outcome) -> Event {
    let op = PackedUserOperation { nonce: U256::from(1), ..Default::default() };
    match kind {
        EventKind::Confirmed => Event::Confirmed(terms()),
        EventKind::ResultKept => Event::ResultKept(Box::new(finished(outcome))),
        EventKind::FailureKept => Event::FailureKept(Box::new(finished(outcome))),
        EventKind::ReceiptKept => Event::ReceiptKept(Box::new(Prepared {
            finished: finished(outcome),
            intent: intent(outcome),
        })),
        EventKind::InputStored => Event::InputStored,
        EventKind::Refused => Event::Refused(run(outcome)),
        EventKind::Started => Event::Started,
        EventKind::Restarted => Event::Restarted,
        EventKind::Produced => Event::Produced(run(outcome)),
        EventKind::Failed => Event::Failed(run(outcome)),
        EventKind::Intended => Event::Intended(Box::new(intent(outcome))),
        EventKind::Signed => Event::Signed(Box::new(SignedData { op, op_hash: B256::ZERO })),
        EventKind::Repriced => Event::Repriced,
        EventKind::Bundled => Event::Bundled(1),
        EventKind::Dropped => Event::Dropped,
        EventKind::Reverted => Event::Reverted,
        EventKind::Settled => Event::Settled(settlement()),
        EventKind::Finalized => Event::Finalized,
        EventKind::SettlementRemoved => Event::SettlementRemoved,
        EventKind::Refunded => Event::Refunded,
        EventKind::RefundRemoved => Event::RefundRemoved,
        EventKind::Expired => Event::Expired,
        EventKind::PurchaseRemoved => Event::PurchaseRemoved,
        EventKind::Reappeared => Event::Reappeared(purchase(1, 1)),
        EventKind::Stuck => Event::Stuck("why".into()),
        EventKind::Retried => Event::Retried,
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    (prop::sample::select(EventKind::ALL), prop::sample::select(Outcome::ALL.as_slice()))
        .prop_map(|(kind, outcome)| event(kind, outcome))
}

/// Kept work as the keeper reports it: just what the state itself holds.
fn honest(state: &State, event: Event) -> Option<Event> {
    let kept = match state {
        State::Seen(past) => past.resume(),
        _ => None,
    };
    match (event, kept) {
        (Event::ResultKept(_), Some(Work::Finished(kept))) => Some(Event::ResultKept(kept)),
        (Event::FailureKept(_), Some(Work::Finished(kept))) => Some(Event::FailureKept(kept)),
        (Event::ReceiptKept(_), Some(Work::Prepared(kept))) => Some(Event::ReceiptKept(kept)),
        (Event::ResultKept(_) | Event::FailureKept(_) | Event::ReceiptKept(_), _) => None,
        (event, _) => Some(event),
    }
}

/// Follows the events from the first state, skipping those that are not allowed.
fn walk(events: Vec<Event>) -> Vec<State> {
    let mut states = vec![State::seen(purchase(1, 1))];
    for event in events {
        let state = states.last().cloned().unwrap();
        let Some(event) = honest(&state, event) else { continue };
        if let Ok((next, _)) = step(state, event) {
            states.push(next);
        }
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_move_is_made_only_as_the_table_says(events in prop::collection::vec(any_event(), 1..60)) {
        let mut state = State::seen(purchase(1, 1));
        for event in events {
            let (from, on) = (state.kind(), event.kind());
            let row = TABLE.iter().find(|row| row.from == from && row.on == on);
            match step(state.clone(), event) {
                Ok((next, owed)) => {
                    prop_assert_eq!(Some(next.kind()), row.map(|row| row.to));
                    prop_assert_eq!(owed, next.kind().owes().into_iter().collect::<Vec<_>>());
                    state = next;
                }
                Err(illegal) => prop_assert_eq!(illegal, IllegalMove { from, on }),
            }
        }
    }

    #[test]
    fn only_a_successful_run_is_ever_paid(events in prop::collection::vec(any_event(), 1..80)) {
        for state in walk(events) {
            if let Some(prepared) = state.prepared() {
                prop_assert_eq!(
                    prepared.intent.receipt.outcome.is_ok(),
                    prepared.finished.run.outcome.is_ok()
                );
            }
        }
    }

    #[test]
    fn runs_are_counted_and_never_forgotten(events in prop::collection::vec(any_event(), 1..80)) {
        let attempts = |state: &State| match state {
            State::Seen(past) | State::Reorged(past) | State::Expired(past) => past.attempts,
            State::Running(running) => running.order.attempts,
            State::Ready(order) | State::Confirmed(order) => order.attempts,
            _ => 0,
        };
        let mut runs = 0;
        for pair in walk(events).windows(2) {
            if pair[1].kind() == Kind::Running {
                prop_assert_eq!(attempts(&pair[1]), attempts(&pair[0]) + 1);
                prop_assert!(attempts(&pair[1]) > runs || pair[0].run().is_some());
                runs = attempts(&pair[1]);
            }
        }
    }

    #[test]
    fn states_survive_the_store(events in prop::collection::vec(any_event(), 1..60)) {
        for state in walk(events) {
            let text = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<State>(&text).unwrap(), &state);
            let prefix = format!("{{\"{}\":", state.kind());
            prop_assert!(text.starts_with(&prefix));
        }
    }
}

#[test]
fn every_state_can_be_reached_and_every_row_is_unique() {
    for kind in Kind::ALL {
        assert!(*kind == Kind::Seen || TABLE.iter().any(|row| row.to == *kind), "{kind}");
    }
    for (i, row) in TABLE.iter().enumerate() {
        let twin = TABLE[i + 1..].iter().find(|other| (other.from, other.on) == (row.from, row.on));
        assert_eq!(twin, None);
    }
}

#[test]
fn every_row_is_a_move_that_is_really_made() {
    for row in TABLE {
        let made = Outcome::ALL.into_iter().any(|outcome| {
            step(example(row.from, outcome), event(row.on, outcome))
                .is_ok_and(|(state, _)| state.kind() == row.to)
        });
        assert!(made, "{row:?}");
    }
}

#[test]
fn a_failed_run_cannot_be_passed_off_as_success() {
    let running = example(Kind::Running, Outcome::Ok);
    assert!(step(running, Event::Produced(run(Outcome::Timeout))).is_err());
    let failed = example(Kind::Failed, Outcome::OutOfMemory);
    assert!(step(failed, Event::Intended(Box::new(intent(Outcome::Ok)))).is_err());
}

#[test]
fn prepared_work_survives_a_reorg_only_for_the_same_bargain() {
    let sent = example(Kind::Sent, Outcome::Ok);
    let (reorged, _) = step(sent, Event::PurchaseRemoved).unwrap();
    let mut moved = purchase(1, 1);
    moved.block.number = 12;
    moved.deadline = 5003;
    let (seen, _) = step(reorged.clone(), Event::Reappeared(moved.clone())).unwrap();
    let State::Seen(past) = &seen else { panic!("{seen:?}") };
    assert_eq!(past.resume().unwrap().finished().order.purchase, moved);

    let (seen, _) = step(reorged, Event::Reappeared(purchase(1, 2))).unwrap();
    assert!(seen.prepared().is_none());
}

#[test]
fn a_finished_run_survives_being_stuck() {
    for outcome in [Outcome::Ok, Outcome::Timeout] {
        let kind = if outcome.is_ok() { Kind::Produced } else { Kind::Failed };
        let done = example(kind, outcome);
        let run = done.run().cloned();
        let (stuck, _) = step(done, Event::Stuck("a typo in the policy".into())).unwrap();
        assert_eq!(stuck.run(), run.as_ref());
        let (seen, _) = step(stuck, Event::Retried).unwrap();
        let State::Seen(past) = &seen else { panic!("{seen:?}") };
        assert_eq!(past.resume().unwrap().finished().run.outcome, outcome);
    }
}

#[test]
fn a_settlement_with_another_receipt_is_not_ours() {
    let foreign = Settlement { receipt_hash: B256::repeat_byte(1), ..settlement() };
    let sent = example(Kind::Sent, Outcome::Ok);
    let (ours, _) = step(sent.clone(), Event::Settled(settlement())).unwrap();
    let (theirs, _) = step(sent, Event::Settled(foreign)).unwrap();
    assert!(ours.settlement().unwrap().ours);
    assert!(!theirs.settlement().unwrap().ours);
}

/// Some state of the wanted kind, reached by legal moves.
fn example(kind: Kind, outcome: Outcome) -> State {
    let produced = if outcome.is_ok() { EventKind::Produced } else { EventKind::Failed };
    let way = [
        EventKind::Confirmed,
        EventKind::InputStored,
        EventKind::Started,
        produced,
        EventKind::Intended,
        EventKind::Signed,
        EventKind::Bundled,
        EventKind::Settled,
        EventKind::Finalized,
    ];
    let aside = match kind {
        Kind::Reorged => Some(EventKind::PurchaseRemoved),
        Kind::Expired => Some(EventKind::Expired),
        Kind::Stuck => Some(EventKind::Stuck),
        _ => None,
    };
    let mut state = State::seen(purchase(1, 1));
    for on in aside.into_iter().chain(way) {
        if state.kind() == kind {
            break;
        }
        state = step(state, event(on, outcome)).unwrap().0;
    }
    state
}

#[test]
fn the_book_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/job-states.md");
    let page = render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap();
    assert!(stored == page, "docs/src/job-states.md is old: run with UPDATE_DOCS=1");
}

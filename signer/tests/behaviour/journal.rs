//! What was signed once binds for ever: across requests, threads, processes and restarts.

use std::sync::Barrier;
use std::thread;

use domain::calls::Call;
use domain::wire::{RefusalCode, Request};
use rusqlite::Connection;
use signer::journal::{Journal, JournalError};

use crate::fixture::*;

fn op(request: domain::wire::SignUserOperation) -> Request {
    Request::SignUserOperation(request)
}

#[test]
fn the_same_request_gets_the_same_answer_even_after_a_restart() {
    let fixture = Fixture::new();
    let first = fixture.service().answer(&op(settle_operation(7, GWEI)));
    outcome(&first).unwrap();
    assert_eq!(fixture.service().answer(&op(settle_operation(7, GWEI))), first);
}

#[test]
fn a_nonce_serves_one_calldata_for_ever() {
    let fixture = Fixture::new();
    fixture.service().ask(op(settle_operation(7, GWEI))).unwrap();
    let mut other = settlement(7);
    other.ok = false;
    let data = Call { data: other.call_data(), ..settle(7) }.to_execute();
    let request = |fee| op(operation(settle_nonce(7, 0), data.clone(), fee));
    for days in 0..3 {
        fixture.advance(days * DAY);
        let service = fixture.service();
        assert_eq!(service.ask(request(GWEI)), Err(RefusalCode::NonceUsed));
        assert_eq!(service.ask(request(2 * GWEI)), Err(RefusalCode::NonceUsed));
    }
}

#[test]
fn fees_can_never_be_lowered() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let at = |fee| service.ask(op(settle_operation(7, fee)));
    let first = at(GWEI).unwrap();
    let raised = at(2 * GWEI).unwrap();
    assert_ne!(first, raised);
    // What was signed already may be asked for again; what lies between was never signed.
    assert_eq!(at(GWEI), Ok(first));
    assert_eq!(at(GWEI + 1), Err(RefusalCode::ReplacementUnderpriced));
    let mut other_gas = settle_operation(7, 2 * GWEI);
    other_gas.user_op.account_gas_limits = domain::userop::pack(1, 1);
    assert!(service.ask(op(other_gas)).is_ok());
    let mut lower_tip = settle_operation(7, 3 * GWEI);
    lower_tip.user_op.gas_fees = domain::userop::pack(0, 3 * GWEI);
    assert_eq!(service.ask(op(lower_tip)), Err(RefusalCode::ReplacementUnderpriced));
    assert_eq!(at(11 * GWEI), Err(RefusalCode::FeeOverCap));
}

#[test]
fn the_budget_runs_out_and_returns_at_midnight() {
    let mut fixture = Fixture::new();
    // Two and a half settlements of a million gas at one gwei.
    fixture.policy.daily_budget = alloy_primitives::U256::from(2_500_000 * GWEI);
    let ask = |purchase, fee| fixture.service().ask(op(settle_operation(purchase, fee)));
    ask(1, GWEI).unwrap();
    ask(2, GWEI).unwrap();
    assert_eq!(ask(3, GWEI), Err(RefusalCode::BudgetExhausted));
    // Repeating costs nothing; raising costs the difference, which is too much by now.
    ask(1, GWEI).unwrap();
    assert_eq!(ask(1, 2 * GWEI), Err(RefusalCode::BudgetExhausted));
    ask(1, GWEI * 3 / 2).unwrap();
    fixture.advance(DAY - 1);
    assert_eq!(ask(3, GWEI), Err(RefusalCode::BudgetExhausted));
    fixture.advance(1);
    ask(3, GWEI).unwrap();
}

#[test]
fn a_refusal_leaves_no_trace() {
    let mut fixture = Fixture::new();
    fixture.policy.daily_budget = alloy_primitives::U256::from(1_000_000 * GWEI);
    let service = fixture.service();
    assert_eq!(service.ask(op(settle_operation(7, 2 * GWEI))), Err(RefusalCode::BudgetExhausted));
    // Had the refused operation been recorded, other calldata or a lower fee would be refused.
    let mut other = settlement(7);
    other.receipt_hash.0[0] ^= 1;
    let data = Call { data: other.call_data(), ..settle(7) }.to_execute();
    service.ask(op(operation(settle_nonce(7, 0), data, GWEI))).unwrap();
}

#[test]
fn a_clock_set_back_brings_no_budget_back() {
    let mut fixture = Fixture::new();
    fixture.policy.daily_budget = alloy_primitives::U256::from(1_000_000 * GWEI);
    let service = fixture.service();
    service.ask(op(settle_operation(1, GWEI))).unwrap();
    fixture.clock.store(10_000 * DAY, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(service.ask(op(settle_operation(2, GWEI))), Err(RefusalCode::BudgetExhausted));
}

#[test]
fn of_racing_contradictions_one_wins() {
    let fixture = Fixture::new();
    const THREADS: u8 = 8;
    for purchase in 1..=5 {
        let barrier = Barrier::new(THREADS.into());
        let answers: Vec<_> = thread::scope(|scope| {
            // Each with its own connection, as separate processes would have.
            let services: Vec<_> = (0..THREADS).map(|_| fixture.service()).collect();
            let racers: Vec<_> = (0..THREADS)
                .zip(services)
                .map(|(racer, service)| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        let mut settlement = settlement(purchase);
                        settlement.result_hash.0[0] = racer;
                        let call = Call { data: settlement.call_data(), ..settle(purchase) };
                        let nonce = settle_nonce(purchase, 0);
                        let request = op(operation(nonce, call.to_execute(), GWEI));
                        barrier.wait();
                        service.ask(request)
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let signed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(signed, 1, "{answers:?}");
        let others = answers.iter().filter(|answer| **answer == Err(RefusalCode::NonceUsed));
        assert_eq!(others.count(), usize::from(THREADS) - 1, "{answers:?}");
    }
}

#[test]
fn racing_operations_never_overdraw_the_budget() {
    let mut fixture = Fixture::new();
    fixture.policy.daily_budget = alloy_primitives::U256::from(3_000_000 * GWEI);
    let service = fixture.service();
    let signed = thread::scope(|scope| {
        let racers: Vec<_> = (1..=8)
            .map(|purchase| {
                let service = &service;
                scope.spawn(move || service.ask(op(settle_operation(purchase, GWEI))).is_ok())
            })
            .collect();
        racers.into_iter().filter_map(|racer| racer.join().ok()).filter(|ok| *ok).count()
    });
    assert_eq!(signed, 3);
}

#[test]
fn the_journal_is_private_and_durable() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fixture.service().ask(op(settle_operation(7, GWEI))).unwrap();
    let mode = std::fs::metadata(fixture.journal_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let database = Connection::open(fixture.journal_path()).unwrap();
    let value = |pragma: &str| -> String {
        let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        format!("{:?}", database.pragma_query_value(None, pragma, read).unwrap())
    };
    assert_eq!(value("journal_mode"), "Text(\"wal\")");
    assert_eq!(value("user_version"), "Integer(2)");
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let fixture = Fixture::new();
    Connection::open(fixture.journal_path())
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Journal::open(&fixture.journal_path()).unwrap_err();
    assert!(matches!(error, JournalError::TooNew { found: 99, .. }), "{error}");
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let fixture = Fixture::new();
    std::fs::write(fixture.journal_path(), "not a database, and long enough to be looked at")
        .unwrap();
    assert!(matches!(Journal::open(&fixture.journal_path()), Err(JournalError::Database { .. })));
}

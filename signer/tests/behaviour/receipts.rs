//! One receipt for each order of a purchase, true to itself and to the settlement.

use alloy_primitives::B256;
use alloy_primitives::aliases::U96;
use domain::calls::{Call, Settlement};
use domain::ids::PurchaseId;
use domain::receipt::{ExecutionReceipt, Outcome, SignedReceipt};
use domain::wire::{RefusalCode, Request, Response};

use crate::fixture::*;

fn ask_for(receipt: ExecutionReceipt) -> Request {
    Request::SignReceipt(sign_receipt(receipt))
}

#[test]
fn a_signed_receipt_verifies() {
    let answer = Fixture::new().service().answer(&ask_for(receipt(7)));
    let Response::Receipt { hash, signature } = answer else { panic!("{answer:?}") };
    let signed =
        SignedReceipt { chain_id: CHAIN, registry: REGISTRY, receipt: receipt(7), signature };
    assert_eq!(hash, signed.digest());
    assert_eq!(signed.signer(), Ok(keys().owner.address()));
}

#[test]
fn a_purchase_has_one_receipt() {
    let fixture = Fixture::new();
    let first = fixture.service().answer(&ask_for(receipt(7)));
    assert_eq!(fixture.service().answer(&ask_for(receipt(7))), first);
    let mut other = receipt(7);
    other.finished_at += 1;
    assert_eq!(fixture.service().ask(ask_for(other)), Err(RefusalCode::ReceiptConflict));
    assert!(fixture.service().ask(ask_for(receipt(8))).is_ok());
}

#[test]
fn settlement_and_receipt_must_agree_in_either_order() {
    let mut lying = settlement(7);
    lying.receipt_hash.0[0] ^= 1;
    let call = Call { data: lying.call_data(), ..settle(7) };
    let lie = operation(settle_nonce(7, 0), call.to_execute(), GWEI);

    let service_one = Fixture::new();
    let service = service_one.service();
    service.ask(ask_for(receipt(7))).unwrap();
    assert_eq!(
        service.ask(Request::SignUserOperation(lie.clone())),
        Err(RefusalCode::ReceiptConflict)
    );
    assert!(service.ask(Request::SignUserOperation(settle_operation(7, GWEI))).is_ok());

    let service_two = Fixture::new();
    let service = service_two.service();
    service.ask(Request::SignUserOperation(lie)).unwrap();
    assert_eq!(service.ask(ask_for(receipt(7))), Err(RefusalCode::ReceiptConflict));
}

/// After a reorganisation the number of a purchase may be another's: its order tells them apart.
#[test]
fn each_order_of_a_purchase_has_one_receipt() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let alices = service.ask(ask_for(receipt(7))).unwrap();
    let mut bobs = receipt(7);
    bobs.buyer = FRIEND;
    service.ask(ask_for(bobs.clone())).unwrap();
    bobs.finished_at += 1;
    assert_eq!(service.ask(ask_for(bobs.clone())), Err(RefusalCode::ReceiptConflict));
    assert_eq!(service.ask(ask_for(receipt(7))), Ok(alices));

    // Alice's receipt settles nothing of Bob's, nor of anybody's.
    let request = |settlement: Settlement| {
        let call = Call { data: settlement.call_data(), ..settle(7) };
        let nonce = PurchaseId(7).nonce(settlement.order_hash, 0);
        Request::SignUserOperation(operation(nonce, call.to_execute(), GWEI))
    };
    for order_hash in [bobs.order_hash(), B256::repeat_byte(9), B256::ZERO] {
        let crossed = Settlement { order_hash, ..settlement(7) };
        assert_eq!(service.ask(request(crossed)), Err(RefusalCode::ReceiptConflict));
    }
    assert!(service.ask(request(settlement(7))).is_ok());
}

/// A journal from before orders were recorded: its receipts stay the only ones.
#[test]
fn receipts_without_an_order_serve_every_order_alike() {
    let fixture = Fixture::new();
    let database = rusqlite::Connection::open(fixture.journal_path()).unwrap();
    database.execute_batch(include_str!("../../src/journal/schema/1.sql")).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    let (chain, digest) = (CHAIN.cast_signed(), receipt_hash(7));
    let row = rusqlite::params![chain, REGISTRY.as_slice(), digest.as_slice()];
    database.execute("INSERT INTO receipts VALUES (?1, ?2, 7, ?3)", row).unwrap();
    drop(database);

    let service = fixture.service();
    assert_eq!(service.ask(ask_for(receipt(7))), Ok(digest));
    let mut other = receipt(7);
    other.buyer = FRIEND;
    assert_eq!(service.ask(ask_for(other)), Err(RefusalCode::ReceiptConflict));
}

#[test]
fn contradictions_are_refused() {
    type Change = fn(&mut ExecutionReceipt);
    let cases: [Change; 5] = [
        |r| r.keeper = FRIEND,
        |r| r.purchase_id = PurchaseId(0),
        |r| r.finished_at = r.started_at - 1,
        |r| r.exit_code = 1,
        |r| r.outcome = Outcome::Timeout,
    ];
    let service_dir = Fixture::new();
    let service = service_dir.service();
    for (index, change) in cases.into_iter().enumerate() {
        let mut receipt = receipt(7);
        change(&mut receipt);
        assert_eq!(service.ask(ask_for(receipt)), Err(RefusalCode::InvalidReceipt), "case {index}");
    }
    let mut failed = receipt(7);
    (failed.outcome, failed.exit_code, failed.charge) = (Outcome::Timeout, -1, U96::ZERO);
    assert!(service.ask(ask_for(failed)).is_ok());
}

#[test]
fn other_chains_and_registries_are_refused() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let mut elsewhere = sign_receipt(receipt(7));
    elsewhere.chain_id = 1;
    assert_eq!(service.ask(Request::SignReceipt(elsewhere)), Err(RefusalCode::WrongChain));
    let mut elsewhere = sign_receipt(receipt(7));
    elsewhere.registry = FRIEND;
    assert_eq!(service.ask(Request::SignReceipt(elsewhere)), Err(RefusalCode::WrongRegistry));
}

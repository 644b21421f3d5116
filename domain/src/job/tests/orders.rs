//! Orders that leave the chain, come back, or give their number to another one.

use super::*;

#[test]
fn final_takes_only_what_a_reorganisation_does() {
    let removals = [EventKind::SettlementRemoved, EventKind::PurchaseRemoved];
    for kind in EventKind::ALL.iter().filter(|kind| !removals.contains(kind)) {
        assert!(!Kind::Final.allows(*kind));
        let state = example(Kind::Final, Outcome::Ok);
        let illegal = step(state, event(*kind, Outcome::Ok)).unwrap_err();
        assert_eq!(
            illegal.to_string(),
            format!("a job that is final cannot take the event `{kind}`")
        );
    }
}

#[test]
fn what_leaves_the_chain_after_it_was_final_is_confirmed_anew_with_its_work() {
    let done = example(Kind::Final, Outcome::Ok);
    let intent = done.prepared().unwrap().intent.clone();
    let (seen, _) = step(done.clone(), Event::SettlementRemoved).unwrap();
    assert_eq!((seen.kind(), &seen.prepared().unwrap().intent), (Kind::Seen, &intent));

    let (reorged, _) = step(done, Event::PurchaseRemoved).unwrap();
    let mut again = purchase(1, 1);
    again.block.number = 30;
    let (seen, _) = step(reorged.clone(), Event::Reappeared(again)).unwrap();
    assert_eq!(seen.prepared().unwrap().intent, intent);
    let (other, _) = step(reorged, Event::Reappeared(purchase(1, 2))).unwrap();
    assert_eq!((other.kind(), other.run()), (Kind::Seen, None), "another order begins anew");
}

#[test]
fn work_is_taken_up_again_only_for_the_bargain_it_was_done_for() {
    let work = Work::Finished(Box::new(finished(Outcome::Ok)));
    let mut again = Past::new(purchase(1, 1));
    again.purchase.block.number = 40;
    again.attempts = 3;
    let taken = again.take_up(work.clone()).unwrap();
    let order = &taken.finished().order;
    assert_eq!((&order.purchase, order.attempts), (&again.purchase, 3));
    assert_eq!(Past::new(purchase(1, 2)).take_up(work.clone()), None, "another buyer");
    let mut dearer = Past::new(purchase(1, 1));
    dearer.purchase.escrow = U96::from(1001);
    assert_eq!(dearer.take_up(work), None, "another price");
}

#[test]
fn a_listing_is_the_same_only_if_every_term_is() {
    let terms = terms();
    assert!(terms.same_listing(&terms.clone()));
    for other in [
        Terms { payee: Address::ZERO, ..terms.clone() },
        Terms { price: U96::ZERO, ..terms.clone() },
        Terms { max_seconds: 61, ..terms.clone() },
        Terms { image_digest: ImageDigest(B256::ZERO), ..terms.clone() },
        Terms { manifest_hash: B256::ZERO, ..terms.clone() },
    ] {
        assert!(!terms.same_listing(&other));
    }
}

#[test]
fn purchase_and_receipt_give_one_order_the_same_hash() {
    let (purchase, mut receipt) = (purchase(1, 1), intent(Outcome::Ok).receipt);
    receipt.agent_id = purchase.agent_id;
    receipt.version = purchase.version;
    receipt.buyer = purchase.buyer;
    receipt.input_hash = purchase.input_hash;
    assert_eq!(purchase.order_hash(), receipt.order_hash());
    receipt.version += 1;
    assert_ne!(purchase.order_hash(), receipt.order_hash());
}

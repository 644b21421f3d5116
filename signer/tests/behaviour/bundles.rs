//! Which bundles are signed, and that the result is the transaction that was meant.

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, U256};
use domain::bundle::BundleTransaction;
use domain::userop::ENTRY_POINT_V08;
use domain::wire::{RefusalCode, Request, Response};
use signer::service::Service;

use crate::fixture::*;

fn ask(service: &Service, bundle: BundleTransaction) -> Result<(), RefusalCode> {
    service.ask(Request::SignBundle(bundle)).map(drop)
}

#[test]
fn the_raw_transaction_says_what_was_asked() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = bundle(3, vec![service.sign_op(settle_operation(7, GWEI))], GWEI);
    let answer = service.answer(&Request::SignBundle(request.clone()));
    let Response::Bundle { hash, raw } = &answer else { panic!("{answer:?}") };
    let tx = TxEnvelope::decode_2718_exact(raw).unwrap();
    assert!(tx.is_eip1559());
    assert_eq!(tx.hash(), hash);
    assert_eq!(tx.recover_signer().unwrap(), keys().bundler.address());
    assert_eq!((tx.to(), tx.value()), (Some(ENTRY_POINT_V08), U256::ZERO));
    assert_eq!((tx.chain_id(), tx.nonce(), tx.gas_limit()), (Some(CHAIN), 3, BUNDLE_GAS));
    assert_eq!((tx.max_fee_per_gas(), tx.max_priority_fee_per_gas()), (GWEI, Some(1)));
    assert_eq!(*tx.input(), request.call_data());
    // The same after a restart.
    assert_eq!(fixture.service().answer(&Request::SignBundle(request)), answer);
}

#[test]
fn each_rule_refuses_what_it_should() {
    type Change = fn(&mut BundleTransaction);
    let cases: [(Change, RefusalCode); 9] = [
        (|b| b.chain_id = 1, RefusalCode::WrongChain),
        (|b| b.entry_point = FRIEND, RefusalCode::WrongEntryPoint),
        (|b| b.beneficiary = FRIEND, RefusalCode::WrongBeneficiary),
        (|b| b.gas_limit += 1, RefusalCode::GasOverCap),
        (|b| b.max_fee_per_gas = 10 * GWEI + 1, RefusalCode::FeeOverCap),
        (|b| b.max_priority_fee_per_gas = 2 * GWEI, RefusalCode::FeeOverCap),
        (|b| b.ops.clear(), RefusalCode::UnknownOperation),
        (|b| b.ops.push(b.ops[0].clone()), RefusalCode::UnknownOperation),
        (|b| b.ops[0].signature = vec![0; 65].into(), RefusalCode::UnknownOperation),
    ];
    let fixture = Fixture::new();
    let service = fixture.service();
    let good = bundle(0, vec![service.sign_op(settle_operation(7, GWEI))], GWEI);
    for (index, (change, code)) in cases.into_iter().enumerate() {
        let mut bundle = good.clone();
        change(&mut bundle);
        assert_eq!(ask(&service, bundle), Err(code), "case {index}");
    }
    assert_eq!(ask(&service, good), Ok(()));
}

#[test]
fn operations_signed_elsewhere_are_not_carried() {
    let (here, elsewhere) = (Fixture::new(), Fixture::new());
    // The right key, but this journal does not know it.
    let op = elsewhere.service().sign_op(settle_operation(7, GWEI));
    let service = here.service();
    assert_eq!(
        ask(&service, bundle(0, vec![op.clone()], GWEI)),
        Err(RefusalCode::UnknownOperation)
    );
    // Known, but changed after signing.
    let mut changed = service.sign_op(settle_operation(7, GWEI));
    changed.pre_verification_gas -= U256::from(1);
    assert_eq!(ask(&service, bundle(0, vec![changed], GWEI)), Err(RefusalCode::UnknownOperation));
    assert_eq!(ask(&service, bundle(0, vec![op], GWEI)), Ok(()));
}

#[test]
fn a_nonce_serves_other_operations_only_at_a_higher_fee() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let one = service.sign_op(settle_operation(1, GWEI));
    let two = service.sign_op(settle_operation(2, GWEI));
    assert_eq!(ask(&service, bundle(5, vec![one.clone()], GWEI)), Ok(()));
    assert_eq!(
        ask(&service, bundle(5, vec![two.clone()], GWEI)),
        Err(RefusalCode::ReplacementUnderpriced)
    );
    let mut smaller = bundle(5, vec![one.clone()], GWEI);
    smaller.gas_limit -= 1;
    assert_eq!(ask(&service, smaller), Ok(()));
    let service = fixture.service();
    assert_eq!(ask(&service, bundle(5, vec![two.clone(), one.clone()], 2 * GWEI)), Ok(()));
    assert_eq!(ask(&service, bundle(5, vec![one, two.clone()], 2 * GWEI)), Ok(()));
    assert_eq!(ask(&service, bundle(6, vec![two], GWEI)), Ok(()));
}

#[test]
fn bundles_draw_on_the_budget_too() {
    let mut fixture = Fixture::new();
    // One operation of a million gas, and one bundle of two million at one gwei.
    fixture.policy.daily_budget = U256::from(3_000_000 * GWEI);
    let service = fixture.service();
    let op = service.sign_op(settle_operation(1, GWEI));
    assert_eq!(ask(&service, bundle(0, vec![op.clone()], GWEI)), Ok(()));
    assert_eq!(
        ask(&service, bundle(0, vec![op.clone()], GWEI + 1)),
        Err(RefusalCode::BudgetExhausted)
    );
    assert_eq!(ask(&service, bundle(1, vec![op], GWEI)), Err(RefusalCode::BudgetExhausted));
}

#[test]
fn another_signers_operations_are_refused_by_name() {
    let fixture = Fixture::new();
    let op = fixture.service().sign_op(settle_operation(1, GWEI));
    let refusal = policy()
        .bundle(&bundle(0, vec![op], GWEI), Address::repeat_byte(9), keys().bundler.address())
        .unwrap_err();
    assert_eq!(refusal.code, RefusalCode::UnknownOperation);
    assert!(refusal.message.contains(&keys().owner.address().to_string()), "{refusal}");
}

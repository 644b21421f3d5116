//! Which operations are signed, and what the signature is worth.

use alloy_primitives::{Address, B256, Bytes, U256};
use domain::calls::{Call, encode_batch};
use domain::ids::PurchaseId;
use domain::userop::{ENTRY_POINT_V08, pack};
use domain::wire::{RefusalCode, Request, Response, SignUserOperation};

use crate::fixture::*;

fn policy_says(request: &SignUserOperation) -> Result<(), RefusalCode> {
    policy().operation(request).map(drop).map_err(|refusal| refusal.code)
}

fn calling(calls: &[Call]) -> SignUserOperation {
    let data = match calls {
        [call] => call.to_execute(),
        calls => encode_batch(calls),
    };
    operation(U256::from(1), data, GWEI)
}

#[test]
fn a_settlement_is_signed_by_the_owner_over_the_recomputed_hash() {
    let fixture = Fixture::new();
    let request = settle_operation(7, GWEI);
    let expected = request.user_op.hash(ENTRY_POINT_V08, CHAIN);
    let answer = fixture.service().answer(&Request::SignUserOperation(request));
    let Response::UserOperation { hash, signature } = answer else { panic!("{answer:?}") };
    assert_eq!(hash, expected);
    let signer = domain::signature::recover(&hash, &signature).unwrap();
    assert_eq!(signer, keys().owner.address());
}

#[test]
fn each_rule_refuses_what_it_should() {
    type Change = fn(&mut SignUserOperation);
    let cases: [(Change, RefusalCode); 11] = [
        (|r| r.chain_id = 1, RefusalCode::WrongChain),
        (|r| r.entry_point = FRIEND, RefusalCode::WrongEntryPoint),
        (|r| r.user_op.sender = FRIEND, RefusalCode::WrongAccount),
        (|r| r.user_op.init_code = vec![1; 20].into(), RefusalCode::UnsupportedOperation),
        (|r| r.user_op.init_code = vec![1].into(), RefusalCode::UnsupportedOperation),
        (|r| r.user_op.paymaster_and_data = vec![1; 52].into(), RefusalCode::UnsupportedOperation),
        (|r| r.user_op.pre_verification_gas += U256::from(1), RefusalCode::GasOverCap),
        (|r| r.user_op.pre_verification_gas = U256::MAX, RefusalCode::GasOverCap),
        (|r| r.user_op.account_gas_limits = B256::repeat_byte(0xff), RefusalCode::GasOverCap),
        (|r| r.user_op.gas_fees = pack(1, 10 * GWEI + 1), RefusalCode::FeeOverCap),
        (|r| r.user_op.gas_fees = pack(GWEI + 1, GWEI), RefusalCode::FeeOverCap),
    ];
    assert_eq!(policy_says(&settle_operation(7, GWEI)), Ok(()));
    for (index, (change, code)) in cases.into_iter().enumerate() {
        let mut request = settle_operation(7, GWEI);
        change(&mut request);
        assert_eq!(policy_says(&request), Err(code), "case {index}");
    }
}

#[test]
fn only_listed_calls_are_signed() {
    let other_target = Call { target: Address::repeat_byte(9), ..ping(0) };
    let other_selector = Call { data: vec![1, 2, 3, 5].into(), ..ping(0) };
    let no_selector = Call { data: vec![1, 2, 3].into(), ..ping(0) };
    let transfer = Call { data: Bytes::new(), ..ping(1) };
    let to_itself = Call { target: ACCOUNT, ..ping(0) };
    let settle_elsewhere = Call { target: FRIEND, ..settle(7) };
    assert_eq!(policy_says(&calling(&[ping(0)])), Ok(()));
    assert_eq!(policy_says(&calling(&[ping(0), ping(5)])), Ok(()));
    for call in [other_target, other_selector, no_selector, transfer, to_itself, settle_elsewhere] {
        let code = Err(RefusalCode::CallNotAllowed);
        assert_eq!(policy_says(&calling(std::slice::from_ref(&call))), code, "{call:?}");
        assert_eq!(policy_says(&calling(&[ping(0), call])), code);
    }
}

#[test]
fn calldata_that_cannot_be_judged_is_refused() {
    let execute = ping(0).to_execute();
    let cases: [Bytes; 4] = [
        Bytes::new(),
        vec![0xde, 0xad, 0xbe, 0xef].into(),
        execute[..execute.len() - 1].to_vec().into(),
        [&execute[..], &[0; 32]].concat().into(),
    ];
    for data in cases {
        let request = operation(U256::from(1), data.clone(), GWEI);
        assert_eq!(policy_says(&request), Err(RefusalCode::UnknownCall), "{data}");
    }
}

#[test]
fn value_is_capped_over_the_whole_batch() {
    assert_eq!(policy_says(&calling(&[ping(5)])), Ok(()));
    assert_eq!(policy_says(&calling(&[ping(6)])), Err(RefusalCode::ValueOverCap));
    assert_eq!(policy_says(&calling(&[ping(3), ping(3)])), Err(RefusalCode::ValueOverCap));
    let most = Call { value: U256::MAX, ..ping(0) };
    assert_eq!(policy_says(&calling(&[most.clone(), most])), Err(RefusalCode::ValueOverCap));
}

#[test]
fn a_settlement_uses_its_own_nonce_and_stands_alone() {
    let data = settle(7).to_execute();
    for sequence in [0, 1] {
        let request = operation(settle_nonce(7, sequence), data.clone(), GWEI);
        assert_eq!(policy_says(&request), Ok(()));
    }
    for nonce in [
        U256::ZERO,
        settle_nonce(8, 0),
        U256::from(7) << 128,
        // The former key: the number alone, which another order may have by now.
        U256::from(7) << 64,
        PurchaseId(7).nonce(receipt(7).input_hash, 0),
        settle_nonce(7, 0) ^ (U256::from(1) << 255),
    ] {
        let request = operation(nonce, data.clone(), GWEI);
        assert_eq!(policy_says(&request), Err(RefusalCode::NonceMismatch), "{nonce}");
    }
    let batch = encode_batch(&[settle(7), settle(8)]);
    let request = operation(settle_nonce(7, 0), batch, GWEI);
    assert_eq!(policy_says(&request), Err(RefusalCode::CallNotAllowed));
    let paying = Call { value: U256::from(1), ..settle(7) };
    let request = operation(settle_nonce(7, 0), paying.to_execute(), GWEI);
    assert_eq!(policy_says(&request), Err(RefusalCode::ValueOverCap));
    let mut broken = settle(7);
    broken.data = [&broken.data[..], &[0]].concat().into();
    let request = operation(settle_nonce(7, 0), broken.to_execute(), GWEI);
    assert_eq!(policy_says(&request), Err(RefusalCode::UnknownCall));
}

#[test]
fn refusals_say_what_was_asked_and_what_is_allowed() {
    let refusal = policy().operation(&settle_operation(7, 11 * GWEI)).unwrap_err();
    assert!(refusal.message.contains("11000000000"), "{refusal}");
    assert!(refusal.message.contains("10000000000"), "{refusal}");
}

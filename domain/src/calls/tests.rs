//! Account calldata is read back exactly, and nothing else than the canonical shapes is read.

use proptest::prelude::*;

use super::*;

fn call() -> impl Strategy<Value = Call> {
    let data = prop::collection::vec(any::<u8>(), 0..100);
    (any::<[u8; 20]>(), any::<[u8; 32]>(), data).prop_map(|(target, value, data)| Call {
        target: target.into(),
        value: U256::from_be_bytes(value),
        data: data.into(),
    })
}

fn example() -> Call {
    Call { target: Address::repeat_byte(7), value: U256::from(5), data: vec![1, 2, 3, 4].into() }
}

proptest! {
    #[test]
    fn single_calls_round_trip(call in call()) {
        prop_assert_eq!(decode_account_call(&call.to_execute()).unwrap(), vec![call]);
    }

    #[test]
    fn batches_round_trip(calls in prop::collection::vec(call(), 1..5)) {
        prop_assert_eq!(decode_account_call(&encode_batch(&calls)).unwrap(), calls);
    }

    #[test]
    fn no_other_bytes_decode_to_the_same_calls(calls in prop::collection::vec(call(), 1..3),
        at: prop::sample::Index, flip in 1u8..)
    {
        let good = encode_batch(&calls);
        let mut bad = good.to_vec();
        bad[at.index(good.len())] ^= flip;
        if let Ok(decoded) = decode_account_call(&bad) {
            prop_assert_ne!(decoded, calls);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes: Vec<u8>, batch: bool) {
        let selector = if batch { selectors::EXECUTE_BATCH } else { selectors::EXECUTE };
        bytes.splice(0..0, selector);
        let _ = decode_account_call(&bytes);
    }

    #[test]
    fn settlements_round_trip(id: u64, ok: bool, charge: u64, hashes: [[u8; 32]; 3]) {
        let settlement = Settlement {
            purchase: PurchaseId(id),
            order_hash: hashes[2].into(),
            ok,
            charge: U96::from(charge),
            result_hash: hashes[0].into(),
            receipt_hash: hashes[1].into(),
        };
        prop_assert_eq!(Settlement::decode(&settlement.call_data()).unwrap(), settlement);
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let single = [example().to_execute().as_ref(), &[0; 32]].concat();
    assert!(matches!(decode_account_call(&single), Err(CallError::Malformed(_))));
    let batch = [encode_batch(&[example()]).as_ref(), &[0; 32]].concat();
    assert!(matches!(decode_account_call(&batch), Err(CallError::Malformed(_))));
}

#[test]
fn shifted_offsets_are_refused() {
    // The bytes argument one word further down, behind a word that nobody reads.
    let mut shifted = example().to_execute().to_vec();
    shifted[4 + 2 * 32 + 31] += 32;
    shifted.splice(4 + 96..4 + 96, [0; 32]);
    assert!(sol::executeCall::abi_decode(&shifted).is_ok());
    assert!(matches!(decode_account_call(&shifted), Err(CallError::Malformed(_))));
}

#[test]
fn other_modes_and_operation_data_are_refused() {
    let batch = |mode: B256, data: Vec<u8>| {
        let call = sol::Batch::executeCall { mode, executionData: data.into() };
        decode_account_call(&call.abi_encode())
    };
    let calls = encode_calls(&[example()]);
    assert_eq!(batch(BATCH_OPDATA_MODE, calls.clone()).unwrap(), [example()]);
    let tolerant = B256::with_last_byte(1);
    assert_eq!(batch(tolerant, calls), Err(CallError::UnknownMode(tolerant)));
    assert_eq!(batch(BATCH_MODE, encode_calls(&[])), Err(CallError::Empty));
    let call = sol::BatchCall { to: Address::ZERO, value: U256::ZERO, data: Bytes::new() };
    let with_data = (vec![call], Bytes::from_static(b"sig")).abi_encode_params();
    assert_eq!(batch(BATCH_OPDATA_MODE, with_data), Err(CallError::OperationData));
}

#[test]
fn other_functions_are_refused_by_selector() {
    // transferOwnership(address)
    let data = [&[0xf2, 0xfd, 0xe3, 0x8b][..], &[0; 32]].concat();
    assert!(matches!(decode_account_call(&data), Err(CallError::UnknownSelector(_))));
    assert!(matches!(decode_account_call(&[]), Err(CallError::UnknownSelector(_))));
}

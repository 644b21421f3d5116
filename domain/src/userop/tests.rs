//! Packing, the golden hashes, and what the hash covers.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// Hashes made by an independent implementation of EIP-712.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    name: String,
    chain_id: u64,
    entry_point: Address,
    user_op: PackedUserOperation,
    hash: B256,
    call_data: Option<Bytes>,
}

#[test]
fn golden_hashes() {
    let file = include_str!("../../../test-fixtures/vectors/userop-v08.json");
    let vectors: Vec<Vector> = serde_json::from_str(file).unwrap();
    assert!(vectors.len() >= 4);
    for vector in vectors {
        let hash = vector.user_op.hash(vector.entry_point, vector.chain_id);
        assert_eq!(hash, vector.hash, "{}", vector.name);
        if let Some(call_data) = vector.call_data {
            let beneficiary = Address::repeat_byte(0xbe);
            let ops = [vector.user_op];
            assert_eq!(crate::bundle::handle_ops(&ops, beneficiary), call_data, "{}", vector.name);
        }
    }
}

fn operation() -> impl Strategy<Value = UserOperation> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from);
    let address = || any::<[u8; 20]>().prop_map(Address::from);
    let word = || any::<[u8; 32]>().prop_map(U256::from_be_bytes);
    let gas = (any::<[u128; 4]>(), word()).prop_map(|([a, b, c, d], pre)| GasLimits {
        verification_gas_limit: a,
        call_gas_limit: b,
        pre_verification_gas: pre,
        max_fee_per_gas: c,
        max_priority_fee_per_gas: d,
    });
    let paymaster = (address(), any::<u128>(), any::<u128>(), bytes()).prop_map(
        |(address, verification_gas_limit, post_op_gas_limit, data)| Paymaster {
            address,
            verification_gas_limit,
            post_op_gas_limit,
            data,
        },
    );
    (
        address(),
        word(),
        prop::option::of((address(), bytes())),
        bytes(),
        gas,
        prop::option::of(paymaster),
        bytes(),
    )
        .prop_map(|(sender, nonce, factory, call_data, gas, paymaster, signature)| {
            UserOperation { sender, nonce, factory, call_data, gas, paymaster, signature }
        })
}

proptest! {
    #[test]
    fn packing_round_trips(op in operation()) {
        prop_assert_eq!(op.pack().unpack().unwrap(), op);
    }

    #[test]
    fn the_hash_covers_everything_but_the_signature(op in operation(), other in operation()) {
        let packed = op.pack();
        let hash = |op: &PackedUserOperation| op.hash(ENTRY_POINT_V08, 412_346);
        prop_assert_eq!(hash(&packed), hash(&packed.clone().with_signature(vec![1])));
        let other = other.pack();
        let changed = [
            PackedUserOperation { sender: other.sender, ..packed.clone() },
            PackedUserOperation { nonce: other.nonce, ..packed.clone() },
            PackedUserOperation { init_code: other.init_code, ..packed.clone() },
            PackedUserOperation { call_data: other.call_data, ..packed.clone() },
            PackedUserOperation { account_gas_limits: other.account_gas_limits, ..packed.clone() },
            PackedUserOperation {
                pre_verification_gas: other.pre_verification_gas, ..packed.clone()
            },
            PackedUserOperation { gas_fees: other.gas_fees, ..packed.clone() },
            PackedUserOperation {
                paymaster_and_data: other.paymaster_and_data, ..packed.clone()
            },
        ];
        for changed in changed {
            prop_assert_eq!(changed == packed, hash(&changed) == hash(&packed));
        }
        prop_assert_ne!(hash(&packed), packed.hash(ENTRY_POINT_V08, 1));
        prop_assert_ne!(hash(&packed), packed.hash(Address::ZERO, 412_346));
    }

    #[test]
    fn costs_never_overflow(op in operation()) {
        let _ = op.max_cost();
    }
}

#[test]
fn short_fields_do_not_unpack() {
    let op = PackedUserOperation { init_code: vec![1; 19].into(), ..Default::default() };
    assert_eq!(op.unpack(), Err(UnpackError::InitCode(19)));
    let op = PackedUserOperation { paymaster_and_data: vec![1; 51].into(), ..Default::default() };
    assert_eq!(op.unpack(), Err(UnpackError::Paymaster(51)));
}

#[test]
fn eip7702_is_recognised_as_the_entry_point_does() {
    let with = |code: &[u8]| PackedUserOperation {
        init_code: Bytes::copy_from_slice(code),
        ..Default::default()
    };
    let mut marker = [0; 24];
    marker[..2].copy_from_slice(&[0x77, 0x02]);
    assert!(with(&marker).uses_eip7702());
    assert!(with(&[0x77, 0x02]).uses_eip7702());
    marker[19] = 1;
    assert!(!with(&marker).uses_eip7702());
    assert!(!with(&[0x77]).uses_eip7702());
    assert!(!with(&[]).uses_eip7702());
}

//! The receipt's golden digest, its JSON and its signature.

use alloy_primitives::b256;
use k256::ecdsa::SigningKey;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    signed: SignedReceipt,
    digest: B256,
    signer: Address,
}

fn vectors() -> Vec<Vector> {
    let file = include_str!("../../../test-fixtures/vectors/receipt.json");
    serde_json::from_str(file).unwrap()
}

#[test]
fn golden_digests_and_signers() {
    let vectors = vectors();
    assert!(vectors.len() >= 2);
    for vector in vectors {
        assert_eq!(vector.signed.digest(), vector.digest);
        assert_eq!(vector.signed.signer(), Ok(vector.signer));
    }
}

#[test]
fn the_type_is_the_published_one() {
    assert_eq!(
        ExecutionReceipt::type_string(),
        "ExecutionReceipt(uint64 purchaseId,uint256 agentId,uint32 version,address buyer,\
         address keeper,bytes32 imageDigest,bytes32 manifestHash,bytes32 inputHash,\
         bytes32 resultHash,bytes32 logHash,uint8 outcome,int64 exitCode,uint64 startedAt,\
         uint64 finishedAt,uint64 cpuMicros,uint64 peakMemoryBytes,uint96 charge)"
    );
}

#[test]
fn the_order_is_the_bargain_and_nothing_else() {
    let mut receipt = vectors().remove(0).signed.receipt;
    receipt.buyer = Address::repeat_byte(0x55);
    receipt.agent_id = AgentId::from(1);
    receipt.version = 2;
    receipt.input_hash = B256::repeat_byte(0x33);
    // keccak256(abi.encode(..)) by an independent encoder; the registry is held to it as well.
    let golden = b256!("3dbdc6889a75d3b9de56202f1062e217a248ac5e0b107eae1c9f6a53b96ff013");
    assert_eq!(receipt.order_hash(), golden);

    let mut again = receipt.clone();
    again.purchase_id = PurchaseId(99);
    again.outcome = Outcome::Timeout;
    again.result_hash = B256::ZERO;
    assert_eq!(again.order_hash(), golden, "the run is no part of it");

    type Change = fn(&mut ExecutionReceipt);
    let others: [Change; 4] = [
        |r| r.buyer = Address::ZERO,
        |r| r.agent_id = AgentId::from(3),
        |r| r.version = 3,
        |r| r.input_hash = B256::ZERO,
    ];
    for change in others {
        let mut other = receipt.clone();
        change(&mut other);
        assert_ne!(other.order_hash(), golden);
    }
}

#[test]
fn json_round_trips() {
    for vector in vectors() {
        let text = serde_json::to_string(&vector.signed).unwrap();
        assert_eq!(serde_json::from_str::<SignedReceipt>(&text).unwrap(), vector.signed);
    }
}

#[test]
fn any_change_moves_the_signer() {
    let vector = vectors().remove(0);
    let mut moved = vector.signed.clone();
    moved.registry = Address::repeat_byte(9);
    assert_ne!(moved.signer(), Ok(vector.signer));
    let mut raised = vector.signed;
    raised.receipt.charge += U96::from(1);
    assert_ne!(raised.signer(), Ok(vector.signer));
}

#[test]
fn malleable_and_malformed_signatures_are_refused() {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let digest = B256::repeat_byte(3);
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + id.to_byte();
    assert!(signature::recover(&digest, &bytes).is_ok());

    let order = U256::from_be_slice(&hex(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    ));
    let mut twin = bytes;
    let s = order - U256::from_be_slice(&bytes[32..64]);
    twin[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    twin[64] = 27 + (1 - id.to_byte());
    assert_eq!(signature::recover(&digest, &twin), Err(SignatureError::HighS));

    assert_eq!(signature::recover(&digest, &bytes[..64]), Err(SignatureError::Length(64)));
    bytes[64] = 1;
    assert_eq!(signature::recover(&digest, &bytes), Err(SignatureError::Parity(1)));
    let mut zero = [0; 65];
    zero[64] = 27;
    assert_eq!(signature::recover(&digest, &zero), Err(SignatureError::Unrecoverable));
}

#[test]
fn outcomes_are_numbered_and_named() {
    for (number, outcome) in (0u8..).zip(Outcome::ALL) {
        assert_eq!((outcome.code(), Outcome::try_from(number)), (number, Ok(outcome)));
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
    }
    assert_eq!(Outcome::try_from(11), Err(UnknownOutcome(11)));
    assert!(Outcome::ALL.into_iter().filter(|outcome| outcome.is_ok()).eq([Outcome::Ok]));
}

fn hex(text: &str) -> Vec<u8> {
    alloy_primitives::hex::decode(text).unwrap()
}

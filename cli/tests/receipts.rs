//! `nexus receipt` on files, without any network.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use std::path::Path;

use alloy::{
    primitives::{Address, B256, aliases::U96, keccak256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use domain::{
    ids::{ImageDigest, PurchaseId},
    receipt::{ExecutionReceipt, Outcome, SignedReceipt},
};
use support::{run, text};

/// Address of the key 1, which signs here.
const SIGNER: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";

fn signed() -> SignedReceipt {
    let receipt = ExecutionReceipt {
        purchase_id: PurchaseId(7),
        agent_id: 3.into(),
        version: 2,
        buyer: Address::repeat_byte(0x11),
        keeper: Address::repeat_byte(0x22),
        image_digest: ImageDigest(B256::repeat_byte(0x33)),
        manifest_hash: B256::repeat_byte(0x44),
        input_hash: keccak256(b"the input"),
        result_hash: keccak256(b"the result"),
        log_hash: keccak256(b""),
        outcome: Outcome::Ok,
        exit_code: 0,
        started_at: 1_800_000_000,
        finished_at: 1_800_000_003,
        cpu_micros: 1_500_000,
        peak_memory_bytes: 8 << 20,
        charge: U96::from(10_000_000_000_000_000u64),
    };
    let registry = Address::repeat_byte(0x55);
    let key = PrivateKeySigner::from_bytes(&B256::with_last_byte(1)).unwrap();
    let signature = key.sign_hash_sync(&receipt.digest(412346, registry)).unwrap();
    SignedReceipt { chain_id: 412346, registry, receipt, signature: signature.as_bytes().into() }
}

fn write(folder: &Path, receipt: &SignedReceipt) -> String {
    let path = folder.join("receipt.json");
    std::fs::write(&path, serde_json::to_string(receipt).unwrap()).unwrap();
    path.display().to_string()
}

#[test]
fn a_genuine_receipt_is_shown_and_verified_offline() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &signed());
    insta::assert_snapshot!("receipt-show", text(&run(&["receipt", "show", &path]).stdout));
    insta::assert_snapshot!(
        "receipt-show-json",
        text(&run(&["--json", "receipt", "show", &path]).stdout)
    );

    let verify = run(&["receipt", "verify", &path, "--offline", "--signer", SIGNER]);
    assert!(verify.status.success());
    insta::assert_snapshot!("receipt-verify", text(&verify.stdout));
    let verify = run(&["--json", "receipt", "verify", &path, "--offline", "--signer", SIGNER]);
    insta::assert_snapshot!("receipt-verify-json", text(&verify.stdout));
}

#[test]
fn what_is_shown_as_json_can_be_verified_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &signed());
    let shown = run(&["--json", "receipt", "show", &path]).stdout;
    let copy = folder.path().join("copy.json");
    std::fs::write(&copy, shown).unwrap();
    assert!(
        run(&["receipt", "verify", &copy.display().to_string(), "--offline", "--signer", SIGNER])
            .status
            .success()
    );
}

#[test]
fn every_changed_field_breaks_the_signature() {
    let folder = tempfile::tempdir().unwrap();
    let genuine = signed();
    let change: [fn(&mut ExecutionReceipt); 4] = [
        |r| r.result_hash = B256::ZERO,
        |r| r.charge = U96::from(1),
        |r| r.buyer = Address::ZERO,
        |r| r.exit_code = 1,
    ];
    for change in change {
        let mut receipt = genuine.clone();
        change(&mut receipt.receipt);
        let path = write(folder.path(), &receipt);
        let output = run(&["receipt", "verify", &path, "--offline", "--signer", SIGNER]);
        assert_eq!(output.status.code(), Some(7));
        assert!(text(&output.stdout).contains("FAIL signer"), "{}", text(&output.stdout));
    }
}

#[test]
fn evidence_that_does_not_match_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &signed());
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let (good, bad) = (file("good", b"the input"), file("bad", b"another input"));
    let verify = |input: &str| {
        run(&["receipt", "verify", &path, "--offline", "--signer", SIGNER, "--input", input])
    };
    assert!(verify(&good).status.success());
    let output = verify(&bad);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stdout).contains("FAIL input"), "{}", text(&output.stdout));
}

#[test]
fn a_charged_failure_and_a_broken_signature_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut charged = signed();
    charged.receipt.outcome = Outcome::Timeout;
    let path = write(folder.path(), &charged);
    let output = run(&["receipt", "verify", &path, "--offline", "--signer", SIGNER]);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stdout).contains("FAIL a failed run costs nothing"));

    let mut cut = signed();
    cut.signature = cut.signature[..64].to_vec().into();
    let path = write(folder.path(), &cut);
    let output = run(&["receipt", "verify", &path, "--offline", "--signer", SIGNER]);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stdout).contains("65 bytes"));
}

//! Keys and passwords appear in no output, whatever happens and however much is logged.

use std::process::Stdio;

use alloy_primitives::hex;
use domain::wire::Request;

use crate::binary::{Installation, PASSWORD, signer};
use crate::fixture::*;

/// Every way in which a careless program might write a key.
fn spellings(secret: &[u8]) -> Vec<String> {
    let digits = hex::encode(secret);
    let list =
        |separator: &str| secret.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    vec![digits.to_uppercase(), digits, list(", "), list(",")]
}

/// The decrypted keys of an installation.
fn secrets(installation: &Installation) -> Vec<Vec<u8>> {
    ["owner.json", "bundler.json"]
        .map(|name| eth_keystore::decrypt_key(installation.path("keys").join(name), PASSWORD))
        .map(Result::unwrap)
        .to_vec()
}

fn assert_clean(output: &str, secrets: &[Vec<u8>]) {
    assert!(!output.contains(PASSWORD), "the password was written");
    assert!(!output.contains("wrong horse"), "a wrong password was written");
    for spelling in secrets.iter().flat_map(|secret| spellings(secret)) {
        assert!(!output.contains(&spelling), "a key was written");
    }
}

#[test]
fn a_busy_life_at_the_highest_log_level_reveals_nothing() {
    let installation = Installation::new();
    let process = installation.run();
    process.ask(&Request::Info);
    process.ask(&Request::SignUserOperation(settle_operation(7, GWEI)));
    process.ask(&Request::SignUserOperation(settle_operation(7, 1)));
    process.ask(&Request::SignUserOperation(settle_operation(8, 11 * GWEI)));
    process.ask(&Request::SignReceipt(sign_receipt(receipt(7))));
    process.ask(&Request::SignBundle(bundle(0, vec![], GWEI)));
    let (_, log, printed) = process.terminate();
    assert!(log.contains("signed a user operation") && log.contains("refused"), "{log}");
    assert_clean(&(log + &printed), &secrets(&installation));
}

#[test]
fn failures_reveal_nothing() {
    let installation = Installation::new();
    let secrets = secrets(&installation);
    let key = installation.path("key");
    std::fs::write(&key, format!("{}zz", hex::encode(&secrets[0]))).unwrap();
    std::fs::write(installation.path("wrong"), "wrong horse").unwrap();
    let config = installation.path("signer.toml");
    let (config, key) = (config.to_str().unwrap(), key.to_str().unwrap());
    let wrong = installation.path("wrong");
    let password = installation.path("password");
    let keys = installation.path("keys");
    let other = installation.path("other");
    let attempts: [&[&str]; 3] = [
        &["run", "--config", config, "--password-file", wrong.to_str().unwrap()],
        &[
            "init",
            "--fast-kdf",
            "--dir",
            other.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
            "--import-owner",
            key,
        ],
        &[
            "init",
            "--fast-kdf",
            "--dir",
            keys.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
        ],
    ];
    for arguments in attempts {
        let output = signer(arguments)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let written = [output.stdout, output.stderr].concat();
        assert_clean(&String::from_utf8_lossy(&written), &secrets);
    }
}

#[test]
fn debug_output_of_everything_reveals_nothing() {
    let keys = keys();
    let shown = format!("{keys:?} {keys:#?} {:?}", signer::password::Password::new(PASSWORD));
    assert_clean(&shown, &[vec![0x41; 32], vec![0x42; 32]]);
}

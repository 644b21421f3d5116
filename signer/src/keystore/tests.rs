//! Key files are private, standard, and open only with their password.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn created() -> (tempfile::TempDir, Keystore, Keys, Password) {
    let directory = tempfile::tempdir().unwrap();
    let store = Keystore::new(directory.path().join("keys"));
    let (keys, password) = (Keys::generate(), Password::new("correct horse"));
    store.create(&keys, &password, Kdf::FastInsecure).unwrap();
    (directory, store, keys, password)
}

#[test]
fn keys_come_back() {
    let (_directory, store, keys, password) = created();
    let opened = store.open(&password).unwrap();
    assert_eq!(*opened.owner.to_bytes(), *keys.owner.to_bytes());
    assert_eq!(*opened.bundler.to_bytes(), *keys.bundler.to_bytes());
    let addresses = store.addresses().unwrap();
    assert_eq!(
        (addresses.owner, addresses.bundler),
        (keys.owner.address(), keys.bundler.address())
    );
}

#[test]
fn a_wrong_password_opens_nothing() {
    let (_directory, store, ..) = created();
    let error = store.open(&Password::new("wrong horse")).unwrap_err();
    assert!(error.to_string().contains("wrong password"), "{error}");
}

#[test]
fn files_are_private_and_never_overwritten() {
    let (directory, store, keys, password) = created();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("keys")), 0o700);
    assert_eq!(mode(&store.owner_file()), 0o600);
    let before = fs::read(store.owner_file()).unwrap();
    let error = store.create(&keys, &password, Kdf::FastInsecure).unwrap_err();
    assert!(matches!(error, KeystoreError::Exists(_)), "{error}");
    fs::remove_file(store.owner_file()).unwrap();
    assert!(matches!(
        store.create(&keys, &password, Kdf::FastInsecure),
        Err(KeystoreError::Exists(_))
    ));
    assert!(!store.owner_file().exists());
    fs::write(store.owner_file(), before).unwrap();
    assert!(store.open(&password).is_ok());
}

#[test]
fn the_named_address_must_be_the_keys() {
    let (_directory, store, keys, password) = created();
    let text = fs::read_to_string(store.owner_file()).unwrap();
    let digits = hex::encode(keys.owner.address());
    fs::write(store.owner_file(), text.replace(&digits, &"12".repeat(20))).unwrap();
    assert!(matches!(store.open(&password), Err(KeystoreError::WrongAddress { .. })));
}

#[test]
fn another_implementation_reads_what_is_written() {
    let (_directory, store, keys, _) = created();
    let bytes = eth_keystore::decrypt_key(store.owner_file(), "correct horse").unwrap();
    assert_eq!(bytes, keys.owner.to_bytes().as_slice());
}

#[test]
fn what_another_implementation_writes_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let key = Key::generate();
    eth_keystore::encrypt_key(
        directory.path(),
        &mut k256::elliptic_curve::rand_core::OsRng,
        key.to_bytes().as_slice(),
        "pw",
        Some("k.json"),
    )
    .unwrap();
    let text = fs::read(directory.path().join("k.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    json["address"] = hex::encode(key.address()).into();
    let storage = SecretStorage::from_json(json.to_string().as_bytes()).unwrap();
    let opened = storage.decrypt(&Password::new("pw")).unwrap();
    assert_eq!(opened.address(), key.address());
}

#[test]
fn greedy_parameters_are_refused_before_memory_is_taken() {
    let (_directory, store, _, password) = created();
    let text = fs::read(store.owner_file()).unwrap();
    for (name, value) in [("n", 1u64 << 40), ("n", 3), ("n", 0), ("r", 1 << 31), ("p", 1 << 20)] {
        let mut json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        json["crypto"]["kdfparams"][name] = value.into();
        let storage = SecretStorage::from_json(json.to_string().as_bytes()).unwrap();
        let error = storage.decrypt(&password).unwrap_err();
        assert!(matches!(error, StorageError::Parameters { .. }), "{name}: {error}");
    }
}

#[test]
fn imports_take_hexadecimal_digits_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let key = Key::generate();
    let digits = hex::encode(*key.to_bytes());
    for text in [digits.clone(), format!("0x{digits}\n")] {
        fs::write(&path, text).unwrap();
        assert_eq!(import(&path).unwrap().address(), key.address());
    }
    for text in ["", "0x", &digits[1..], &"00".repeat(32), "not a key"] {
        fs::write(&path, text).unwrap();
        let error = import(&path).unwrap_err();
        assert!(matches!(error, KeystoreError::Import { .. }), "{error}");
        assert!(text.len() < 10 || !error.to_string().contains(text), "{error}");
    }
}

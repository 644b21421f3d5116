//! The directory with the two encrypted keys, `owner.json` and `bundler.json`.

mod secret_storage;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use alloy_primitives::{Address, hex};
use zeroize::Zeroizing;

pub use secret_storage::{Kdf, SecretStorage, StorageError};

use crate::keys::{Key, KeyError, Keys};
use crate::password::{Password, read_secret};

/// Largest key file read, in bytes.
const MAX_KEY_FILE: u64 = 16 * 1024;

/// A keystore that cannot be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The system refused to read or write a file.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A key would be overwritten.
    #[error("{0} exists already: keys are never overwritten, choose another directory")]
    Exists(PathBuf),
    /// The file's JSON cannot be read or decrypted.
    #[error("{path}: {error}")]
    Storage {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: StorageError,
    },
    /// The private key to import is malformed.
    #[error("{path}: {error}; expected 64 hexadecimal digits")]
    Import {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyError,
    },
    /// The decrypted key is not the one that the file names.
    #[error("{path} names {named} but holds the key of {held}")]
    WrongAddress {
        /// Which file.
        path: PathBuf,
        /// The file's address field.
        named: Address,
        /// The key's address.
        held: Address,
    },
}

/// The public addresses of a keystore, as its files name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Addresses {
    /// Owns the keeper's smart account.
    pub owner: Address,
    /// Sends bundles and pays their gas.
    pub bundler: Address,
}

/// A directory of keys.
#[derive(Clone, Debug)]
pub struct Keystore {
    directory: PathBuf,
}

impl Keystore {
    /// The keystore in a directory, which need not exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Encrypts both keys into a directory that only this user can read.
    ///
    /// # Errors
    /// When a key exists already or the files cannot be written; then none is left behind.
    pub fn create(&self, keys: &Keys, password: &Password, kdf: Kdf) -> Result<(), KeystoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(io_error("create", &self.directory))?;
        let files = [(self.owner_file(), &keys.owner), (self.bundler_file(), &keys.bundler)];
        if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
            return Err(KeystoreError::Exists(path.clone()));
        }
        for (path, key) in &files {
            let storage = SecretStorage::encrypt(key, password, kdf)
                .map_err(|error| KeystoreError::Storage { path: path.clone(), error })?;
            if let Err(error) = write_private(path, &storage.to_json()) {
                for (written, _) in files.iter().take_while(|(other, _)| other != path) {
                    // Best effort: the first error is the one to report.
                    fs::remove_file(written).ok();
                }
                return Err(error);
            }
        }
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io_error("write", &self.directory))
    }

    /// Decrypts both keys.
    ///
    /// # Errors
    /// When a file cannot be read, the password is wrong or an address does not fit its key.
    pub fn open(&self, password: &Password) -> Result<Keys, KeystoreError> {
        let open = |path: PathBuf| {
            let storage = read_storage(&path)?;
            let key = storage
                .decrypt(password)
                .map_err(|error| KeystoreError::Storage { path: path.clone(), error })?;
            let (named, held) = (storage.address(), key.address());
            if named == held {
                Ok(key)
            } else {
                Err(KeystoreError::WrongAddress { path, named, held })
            }
        };
        Ok(Keys { owner: open(self.owner_file())?, bundler: open(self.bundler_file())? })
    }

    /// The addresses that the files name; needs no password and is checked only by [`Self::open`].
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn addresses(&self) -> Result<Addresses, KeystoreError> {
        Ok(Addresses {
            owner: read_storage(&self.owner_file())?.address(),
            bundler: read_storage(&self.bundler_file())?.address(),
        })
    }

    fn owner_file(&self) -> PathBuf {
        self.directory.join("owner.json")
    }

    fn bundler_file(&self) -> PathBuf {
        self.directory.join("bundler.json")
    }
}

/// Reads a private key written as hexadecimal digits, with or without `0x`.
///
/// # Errors
/// When the file cannot be read or holds no private key.
pub fn import(path: &Path) -> Result<Key, KeystoreError> {
    let invalid = || KeystoreError::Import { path: path.into(), error: KeyError::Invalid };
    let file = File::open(path).map_err(io_error("read", path))?;
    let text = read_secret(file).map_err(io_error("read", path))?.ok_or_else(invalid)?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), bytes.as_mut_slice()).map_err(|_| invalid())?;
    Key::from_bytes(bytes.as_slice())
        .map_err(|error| KeystoreError::Import { path: path.into(), error })
}

fn read_storage(path: &Path) -> Result<SecretStorage, KeystoreError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_KEY_FILE).read_to_end(&mut text))
        .map_err(io_error("read", path))?;
    SecretStorage::from_json(&text)
        .map_err(|error| KeystoreError::Storage { path: path.into(), error })
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), KeystoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("create", path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error("write", path))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeystoreError {
    let path = path.to_path_buf();
    move |error| KeystoreError::Io { action, path, error }
}

#[cfg(test)]
mod tests;

//! Which key signs a user's transactions. Keys come from files, the environment or the
//! ready file: never from the command line, which other users of the machine can read.

use std::{fs, path::PathBuf};

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context as _;
use clap::Args;

use crate::ready::ReadyFile;

/// The environment variable that may hold a private key.
pub const ENV: &str = "NEXUS_PRIVATE_KEY";

/// Options that choose the signing key.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signing key (or the variable NEXUS_PRIVATE_KEY)")]
pub struct KeyArgs {
    /// A development account of the ready file, by name or number: dev:buyer, dev:2
    #[arg(long, value_name = "dev:NAME", conflicts_with_all = ["private_key_file", "keystore"])]
    pub account: Option<String>,
    /// A file that holds a private key as hex
    #[arg(long, value_name = "FILE", conflicts_with = "keystore")]
    pub private_key_file: Option<PathBuf>,
    /// An encrypted JSON keystore (needs --password-file)
    #[arg(long, value_name = "FILE", requires = "password_file")]
    pub keystore: Option<PathBuf>,
    /// A file that holds the keystore's password
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Loads the key that the options or the environment name.
    pub fn load(&self, ready: Option<&ReadyFile>) -> anyhow::Result<PrivateKeySigner> {
        if let Some(name) = &self.account {
            return dev_account(name, ready);
        }
        if let Some(path) = &self.private_key_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("reading the private key file {}", path.display()))?;
            return parse(&text).with_context(|| {
                format!("{} does not hold one private key as 64 hex digits", path.display())
            });
        }
        if let Some(path) = &self.keystore {
            return keystore(path, self.password_file.as_ref());
        }
        if let Ok(text) = std::env::var(ENV) {
            return parse(&text)
                .with_context(|| format!("{ENV} does not hold a private key as 64 hex digits"));
        }
        anyhow::bail!(
            "no key to sign with: give --account dev:NAME (with a running `nexus dev`), \
             --private-key-file, --keystore, or set {ENV}"
        )
    }
}

fn dev_account(name: &str, ready: Option<&ReadyFile>) -> anyhow::Result<PrivateKeySigner> {
    let short = name.strip_prefix("dev:").with_context(|| {
        format!("--account {name}: write dev:NAME or dev:NUMBER, for example dev:buyer")
    })?;
    let ready = ready.context(
        "--account needs the ready file of a running `nexus dev`: give --ready-file FILE",
    )?;
    let account = ready.account(short).with_context(|| {
        let known: Vec<_> = ready.accounts.iter().map(|a| a.role.as_str()).collect();
        format!("there is no dev account {short:?}; there are {}", known.join(", "))
    })?;
    Ok(PrivateKeySigner::from_bytes(&account.private_key)?)
}

// The parse error is dropped on purpose: it must not repeat any part of a key.
fn parse(text: &str) -> anyhow::Result<PrivateKeySigner> {
    text.trim().parse().map_err(|_| anyhow::anyhow!("the private key is malformed"))
}

fn keystore(path: &PathBuf, password: Option<&PathBuf>) -> anyhow::Result<PrivateKeySigner> {
    let password = password.context("--keystore needs --password-file")?;
    let secret = fs::read_to_string(password)
        .with_context(|| format!("reading the password file {}", password.display()))?;
    let key = eth_keystore::decrypt_key(path, secret.trim_end_matches(['\r', '\n']))
        .with_context(|| format!("opening the keystore {} (wrong password?)", path.display()))?;
    PrivateKeySigner::from_slice(&key)
        .map_err(|_| anyhow::anyhow!("the keystore {} does not hold a valid key", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_key_is_never_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "0xdeadbeefsecret").unwrap();
        let keys = KeyArgs { private_key_file: Some(path), ..KeyArgs::default() };
        let message = format!("{:#}", keys.load(None).unwrap_err());
        assert!(message.contains("64 hex digits") && !message.contains("deadbeef"), "{message}");
    }

    #[test]
    fn a_key_file_may_have_prefix_and_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, format!("0x{:064x}\n", 1)).unwrap();
        let keys = KeyArgs { private_key_file: Some(path), ..KeyArgs::default() };
        let address = keys.load(None).unwrap().address();
        assert_eq!(address.to_string(), "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
    }

    #[test]
    fn an_account_needs_its_prefix_and_a_ready_file() {
        let keys = |name: &str| KeyArgs { account: Some(name.into()), ..KeyArgs::default() };
        assert!(keys("buyer").load(None).unwrap_err().to_string().contains("dev:buyer"));
        assert!(keys("dev:buyer").load(None).unwrap_err().to_string().contains("--ready-file"));
    }
}

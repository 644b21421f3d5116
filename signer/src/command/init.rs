//! `nexus-signer init`.

use std::path::{Path, PathBuf};

use clap::Args;
use signer::keys::{Key, Keys};
use signer::keystore::{Addresses, Kdf, Keystore, KeystoreError, import};

use super::PasswordFlags;
use crate::output;

/// Flags of `init`.
#[derive(Args)]
pub struct Init {
    /// Directory for the key files; created if missing, never overwritten
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    password: PasswordFlags,
    /// Take the owner key from a file with 64 hexadecimal digits instead of generating one
    #[arg(long, value_name = "FILE")]
    import_owner: Option<PathBuf>,
    /// Take the bundler key from a file with 64 hexadecimal digits instead of generating one
    #[arg(long, value_name = "FILE")]
    import_bundler: Option<PathBuf>,
    /// DEVELOPMENT ONLY: a key derivation so light that the password can be guessed quickly
    #[arg(long)]
    fast_kdf: bool,
    /// Print the addresses as JSON
    #[arg(long)]
    json: bool,
}

impl Init {
    /// Creates the keystore and prints its addresses.
    pub fn run(self) -> anyhow::Result<()> {
        let key = |file: Option<&Path>| -> Result<Key, KeystoreError> {
            file.map_or_else(|| Ok(Key::generate()), import)
        };
        let keys = Keys {
            owner: key(self.import_owner.as_deref())?,
            bundler: key(self.import_bundler.as_deref())?,
        };
        let kdf = if self.fast_kdf { Kdf::FastInsecure } else { Kdf::Standard };
        if self.fast_kdf {
            tracing::warn!("--fast-kdf: this keystore is for development only");
        }
        Keystore::new(&self.dir).create(&keys, &self.password.read()?, kdf)?;
        let addresses = Addresses { owner: keys.owner.address(), bundler: keys.bundler.address() };
        output::addresses(&addresses, self.json)
    }
}

//! `nexus-signer address`.

use std::path::PathBuf;

use clap::Args;
use signer::keystore::Keystore;

use crate::output;

/// Flags of `address`.
#[derive(Args)]
pub struct Address {
    /// Directory with the key files
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Print the addresses as JSON
    #[arg(long)]
    json: bool,
}

impl Address {
    /// Prints the addresses that the key files name.
    pub fn run(self) -> anyhow::Result<()> {
        output::addresses(&Keystore::new(self.dir).addresses()?, self.json)
    }
}

//! The commands, each a thin layer over the library.

mod address;
mod check_config;
mod init;
mod run;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use signer::password::{Password, PasswordError, Source};

/// What can be asked of the binary.
#[derive(Subcommand)]
pub enum Command {
    /// Create a keystore with an owner key and a bundler key
    Init(init::Init),
    /// Print the addresses of a keystore's keys; needs no password
    Address(address::Address),
    /// Check a configuration file and print what it allows
    CheckConfig(check_config::CheckConfig),
    /// Serve signing requests until SIGTERM or SIGINT
    Run(run::Run),
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Init(command) => command.run(),
            Self::Address(command) => command.run(),
            Self::CheckConfig(command) => command.run(),
            Self::Run(command) => command.run(),
        }
    }
}

/// Where the password comes from; without flags, the systemd credential
/// `nexus-signer-password`.
#[derive(Args)]
struct PasswordFlags {
    /// File that holds the keystore's password
    #[arg(long, value_name = "FILE", conflicts_with = "password_fd")]
    password_file: Option<PathBuf>,
    /// Open file descriptor from which the password is read
    #[arg(long, value_name = "N")]
    password_fd: Option<u32>,
}

impl PasswordFlags {
    fn read(self) -> Result<Password, PasswordError> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Source::choose(self.password_file, self.password_fd, credentials)?.read()
    }
}

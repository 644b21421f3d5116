//! The `nexus-signer` binary.
#![forbid(unsafe_code)]

mod command;
mod output;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Holds a keeper's keys and signs what its policy allows, for local peers only.
///
/// Logs go to stderr (RUST_LOG sets the level), results to stdout. No key or password is ever
/// written to either.
#[derive(Parser)]
#[command(name = "nexus-signer", version)]
struct Arguments {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    signer::harden::forbid_dumps()?;
    arguments.command.run()
}

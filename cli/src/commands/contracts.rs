//! `nexus contracts build|check|deploy|export-abi`.

use clap::Subcommand;

use crate::{args::Globals, output::Output};

/// Builds, checks and deploys the contracts.
#[derive(Debug, Subcommand)]
pub enum ContractsCommand {
    /// Build
    Build,
}

/// Runs a contracts command.
pub async fn run(
    _out: Output,
    _globals: &Globals,
    _command: ContractsCommand,
) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}

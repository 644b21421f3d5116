//! `nexus contracts build|check|deploy|export-abi`.

use std::{fs, path::PathBuf};

use alloy::primitives::Address;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use deployer::{Artifacts, Deployment, Params, Size, Workspace, build::MAX_CODE};
use serde::Serialize;

use crate::{
    args::Globals,
    chain::{self, Wallet},
    context::Context,
    failure::Failure,
    keys::KeyArgs,
    output::{Output, Report, fields, table},
    programs::{self, CheckTable},
};

/// Builds, checks and deploys the contracts.
#[derive(Debug, Subcommand)]
pub enum ContractsCommand {
    /// Build the contracts to WASM and show their sizes
    Build(BuildArgs),
    /// Check that the built contracts fit on a chain and would be activated by it
    Check(CheckArgs),
    /// Deploy and activate the built contracts
    Deploy(DeployArgs),
    /// Print a contract's ABI as JSON
    ExportAbi(ExportAbiArgs),
}

/// Arguments of `nexus contracts build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus contracts build
  nexus --json contracts build

Does nothing when neither sources nor tools have changed. Fails when a program is larger than
a chain takes (24576 bytes, compressed).")]
pub struct BuildArgs {}

/// Arguments of `nexus contracts check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus contracts check --rpc-url https://sepolia-rollup.arbitrum.io/rpc

Sends no transaction: the activation is simulated by eth_call with the code as an override.")]
pub struct CheckArgs {}

/// Arguments of `nexus contracts deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus --json contracts deploy --rpc-url URL --private-key-file key.txt > deployment.json
  nexus --deployment deployment.json --rpc-url URL agent list

Programs that already stand on the chain are used as they are. The registry belongs to the
owner, who sets fees and admits keepers.")]
pub struct DeployArgs {
    /// Who owns the registry [default: the key's own address]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
    /// The keepers' part of a price, in hundredths of a percent
    #[arg(long, value_name = "BPS", default_value_t = 500)]
    pub keeper_bps: u16,
    /// The protocol's part of a price, in hundredths of a percent
    #[arg(long, value_name = "BPS", default_value_t = 250)]
    pub protocol_bps: u16,
    /// Also write the deployment to this file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The key that pays
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Arguments of `nexus contracts export-abi`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus contracts export-abi registry > AgentRegistry.json")]
pub struct ExportAbiArgs {
    /// Which contract
    pub contract: ContractName,
}

/// The contracts by short name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ContractName {
    /// AgentRegistry
    Registry,
    /// AgentAccount
    Account,
    /// AccountFactory
    Factory,
}

/// Runs a contracts command.
pub async fn run(out: Output, globals: &Globals, command: ContractsCommand) -> anyhow::Result<()> {
    match command {
        ContractsCommand::Build(_) => build(out).await,
        ContractsCommand::Check(_) => check(out, globals).await,
        ContractsCommand::Deploy(args) => deploy(out, globals, args).await,
        ContractsCommand::ExportAbi(args) => out.text(match args.contract {
            ContractName::Registry => bindings::AGENT_REGISTRY_ABI,
            ContractName::Account => bindings::AGENT_ACCOUNT_ABI,
            ContractName::Factory => bindings::ACCOUNT_FACTORY_ABI,
        }),
    }
}

async fn build(out: Output) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    out.note("Building the contracts to WASM");
    let folder = workspace.output();
    let report = tokio::task::spawn_blocking(move || deployer::build(&workspace)).await??;
    out.note(format!(
        "{} in {}",
        if report.fresh { "Built" } else { "Up to date" },
        folder.display()
    ));
    out.result(&Built { limit: MAX_CODE, programs: report.sizes })
}

async fn check(out: Output, globals: &Globals) -> anyhow::Result<()> {
    let context = Context::new(globals.clone())?;
    let provider = chain::connect(context.rpc_url()?, None).await?;
    let artifacts = Artifacts::load(&deployer::artifacts_dir()?)?;
    let mut checked = Vec::new();
    for artifact in [&artifacts.registry, &artifacts.account, &artifacts.factory] {
        checked.push(programs::check(&provider, artifact).await);
    }
    let bad: Vec<_> = checked.iter().filter(|c| !c.is_ok()).map(|c| c.program).collect();
    let verdict = if bad.is_empty() {
        Ok(())
    } else {
        let names = bad.join(", ");
        Err(Failure::Unverified(format!("{names} cannot stand on this chain; see the table")))
    };
    out.result(&CheckTable(checked))?;
    Ok(verdict?)
}

async fn deploy(out: Output, globals: &Globals, args: DeployArgs) -> anyhow::Result<()> {
    let context = Context::new(globals.clone())?;
    let signer = args.keys.load(context.ready())?;
    let artifacts = Artifacts::load(&deployer::artifacts_dir()?)?;
    let params = Params {
        owner: args.owner.unwrap_or(signer.address()),
        keeper_bps: args.keeper_bps,
        protocol_bps: args.protocol_bps,
    };
    let node = keeper::rpc::origin(context.rpc_url()?);
    out.note(format!("Deploying from {} to {node}", signer.address()));
    let wallet = Wallet { signer, courier: context.courier().clone() };
    let provider = chain::connect(context.rpc_url()?, Some(&wallet)).await?;
    let deployment =
        deployer::deploy(&provider, &artifacts, &params).await.map_err(|e| explain(&e))?;
    context.courier().forget_all();
    if let Some(path) = &args.output {
        fs::write(path, serde_json::to_string_pretty(&deployment)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    out.result(&Deployed(deployment))
}

/// Turns a failed deployment into words. What stands already is found by the next try.
fn explain(error: &deployer::DeployError) -> anyhow::Error {
    let what = "deploying the contracts";
    match chain::trouble(error) {
        Some(trouble) => chain::explain_trouble(trouble, what),
        None => Failure::Chain(format!("{what}: {error}")).into(),
    }
}

#[derive(Debug, Serialize)]
struct Built {
    limit: usize,
    programs: Vec<Size>,
}

impl Report for Built {
    fn human(&self) -> String {
        let row = |size: &Size| {
            let share = size.code * 100 / self.limit;
            vec![
                size.name.clone(),
                size.wasm.to_string(),
                size.code.to_string(),
                format!("{share} %"),
            ]
        };
        let rows: Vec<_> = self.programs.iter().map(row).collect();
        table(&["program", "WASM bytes", "bytes on the chain", "of the limit"], &[1, 2, 3], &rows)
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Deployed(Deployment);

impl Report for Deployed {
    fn human(&self) -> String {
        let d = &self.0;
        fields(&[
            ("chain", d.chain_id.to_string()),
            ("entry point", d.entry_point.to_string()),
            ("registry", d.registry.to_string()),
            ("account implementation", d.account_implementation.to_string()),
            ("factory", d.factory.to_string()),
        ])
    }
}

//! The command line: global options and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{commands, failure::EXIT_CODES};

const EXAMPLES: &str = "\
Examples:
  nexus dev                                   a local network with keeper and signer
  nexus agent list                            what is for sale
  nexus buy 1 --input text.txt --watch --account dev:buyer
  nexus receipt verify 1                      prove what was run and paid";

/// Buy, sell and settle runs of AI agents on Arbitrum Stylus.
#[derive(Debug, Parser)]
#[command(
    name = "nexus",
    version,
    after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    max_term_width = 100,
    propagate_version = true
)]
pub struct Cli {
    /// Options that every command knows.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command knows.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Print results as one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress on stderr
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// JSON-RPC endpoint of the chain (http or ws)
    #[arg(long, global = true, value_name = "URL", env = "NEXUS_RPC_URL", hide_env_values = true)]
    pub rpc_url: Option<String>,
    /// HTTP API of the keeper
    #[arg(long, global = true, value_name = "URL", env = "NEXUS_API_URL", hide_env_values = true)]
    pub api_url: Option<String>,
    /// Contract addresses: what `nexus contracts deploy` printed
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "NEXUS_DEPLOYMENT",
        hide_env_values = true
    )]
    pub deployment: Option<PathBuf>,
    /// Ready file of `nexus dev`: supplies all of the above and the dev accounts
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "NEXUS_READY_FILE",
        hide_env_values = true
    )]
    pub ready_file: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a local network: chain, contracts, signer and keeper in one terminal
    Dev(commands::dev::DevArgs),
    /// Show the whole product once, from building the contracts to a verified receipt
    Demo(commands::demo::DemoArgs),
    /// Measure the time from purchase to settlement
    Bench(commands::bench::BenchArgs),
    /// Build, check and deploy the contracts
    #[command(subcommand)]
    Contracts(commands::contracts::ContractsCommand),
    /// Build, publish and look at agents
    #[command(subcommand)]
    Agent(commands::agent::AgentCommand),
    /// Buy one run of an agent
    Buy(commands::buy::BuyArgs),
    /// Look at purchases and their runs
    #[command(subcommand)]
    Job(commands::job::JobCommand),
    /// Give an overdue purchase's money back to its buyer
    Refund(commands::funds::RefundArgs),
    /// Take your balance out of the registry
    Withdraw(commands::funds::WithdrawArgs),
    /// Show an address's ether and its balance in the registry
    Balance(commands::funds::BalanceArgs),
    /// Show and verify execution receipts
    #[command(subcommand)]
    Receipt(commands::receipt::ReceiptCommand),
    /// Print a completion script for a shell
    Completions(commands::completions::CompletionsArgs),
}

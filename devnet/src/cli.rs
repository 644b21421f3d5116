//! Command line of `nexus-devnet`.

use alloy::primitives::U256;
use alloy::primitives::utils::parse_ether;
use anyhow::Context;
use clap::Parser;
use devnet::{Config, Limits};
use std::net::IpAddr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

#[path = "cli/output.rs"]
pub mod output;

/// A development chain that runs EVM bytecode and Stylus programs, with JSON-RPC over HTTP and
/// WebSocket on one port. Everything is in memory: it begins anew with each start.
#[derive(Debug, Parser)]
#[command(name = "nexus-devnet", version)]
pub struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", env = "NEXUS_DEVNET_HOST")]
    pub host: IpAddr,
    /// Port to listen on, for HTTP and WebSocket; 0 takes any free one
    #[arg(long, short, default_value_t = 8545, env = "NEXUS_DEVNET_PORT")]
    pub port: u16,
    /// EIP-155 chain id
    #[arg(long, default_value_t = 412_346)]
    pub chain_id: u64,
    /// ArbOS version of the genesis block, 30 to 60
    #[arg(long, default_value_t = 51)]
    pub arbos: u64,
    /// How many funded dev accounts exist
    #[arg(long, short, default_value_t = 10)]
    pub accounts: u32,
    /// Balance of each dev account, in ETH
    #[arg(long, default_value = "10000", value_name = "ETH")]
    pub balance: String,
    /// Mnemonic that the dev accounts are derived from
    #[arg(long, default_value = devnet::accounts::MNEMONIC, hide_default_value = true)]
    pub mnemonic: String,
    /// Mine a block every so many seconds instead of one for each transaction
    #[arg(long, short, value_name = "SECONDS")]
    pub block_time: Option<f64>,
    /// Timestamp of the genesis block, in seconds since the Unix epoch [default: now]
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<u64>,
    /// First and least base fee, in wei per gas
    #[arg(long, default_value_t = 100_000_000, value_name = "WEI")]
    pub base_fee: u64,
    /// Price of one unit of calldata on the parent chain, in wei: Nitro's development mode starts
    /// with 50000000000, and its tools then set 0
    #[arg(long, default_value_t = 0, value_name = "WEI")]
    pub l1_price: u64,
    /// Activate Stylus programs silently on their first call
    #[arg(long)]
    pub auto_activate: bool,
    /// Most gas of one eth_call or estimate
    #[arg(long, default_value_t = 50_000_000, value_name = "GAS")]
    pub call_gas: u64,
    /// Blocks whose state is kept for calls in the past
    #[arg(long, default_value_t = 100_000, value_name = "BLOCKS")]
    pub state_history: u64,
    /// Print nothing but the URL
    #[arg(long, short)]
    pub quiet: bool,
    /// Log more: -v for blocks, -vv for everything; RUST_LOG takes precedence
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Options {
    /// What is logged, to standard error.
    pub fn filter(&self) -> EnvFilter {
        let level = match self.verbose {
            0 => "devnet=info,warn",
            1 => "devnet=debug,info",
            _ => "debug",
        };
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level))
    }

    /// The chain's settings.
    pub fn config(self) -> anyhow::Result<Config> {
        let balance: U256 = parse_ether(&self.balance)
            .with_context(|| format!("--balance {}: not an amount of ETH", self.balance))?;
        let block_time = match self.block_time {
            None => None,
            Some(seconds) => Some(
                Duration::try_from_secs_f64(seconds)
                    .ok()
                    .filter(|period| !period.is_zero())
                    .with_context(|| format!("--block-time {seconds}: must be above 0"))?,
            ),
        };
        Ok(Config {
            chain_id: self.chain_id,
            arbos: self.arbos,
            host: self.host,
            port: self.port,
            block_time,
            timestamp: self.timestamp,
            auto_activate: self.auto_activate,
            mnemonic: self.mnemonic,
            accounts: self.accounts,
            balance,
            base_fee: self.base_fee,
            l1_price: self.l1_price,
            limits: Limits {
                call_gas: self.call_gas,
                state_history: self.state_history,
                ..Limits::default()
            },
        })
    }
}

/// Waits for SIGINT or SIGTERM.
pub async fn signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate =
        signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("SIGINT cannot be listened for"),
        _ = terminate.recv() => Ok(()),
    }
}

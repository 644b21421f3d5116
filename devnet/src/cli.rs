//! Command line of `nexus-devnet`.

use alloy::primitives::U256;
use alloy::primitives::utils::parse_ether;
use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser};
use clap_complete::Shell;
use devnet::{Config, Limits, Order};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[path = "cli/output.rs"]
pub mod output;

/// A development chain that runs EVM bytecode and Stylus programs, with JSON-RPC over HTTP and
/// WebSocket on one port. Everything is in memory unless a state file is given.
#[derive(Debug, Parser)]
#[command(
    name = "nexus-devnet",
    version,
    after_help = "\
Examples:
  nexus-devnet                         ten funded accounts on http://127.0.0.1:8545
  nexus-devnet --state chain.state     go on where the last run ended
  nexus-devnet --port 0 --json         any free port, described by one line of JSON
  nexus-devnet --block-time 2 --arbos 60
  nexus-devnet --completions bash > ~/.local/share/bash-completion/completions/nexus-devnet"
)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    chain: ChainOptions,
    #[command(flatten)]
    accounts: Accounts,
    #[command(flatten)]
    mining: Mining,
    #[command(flatten)]
    stylus: Stylus,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    limits: Bounds,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
struct Server {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", env = "NEXUS_DEVNET_HOST")]
    host: IpAddr,
    /// Port to listen on, for HTTP and WebSocket; 0 takes any free one
    #[arg(long, short, default_value_t = 8545, env = "NEXUS_DEVNET_PORT")]
    port: u16,
    /// Web page origins that may use the node; given several times for several [default: all]
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Let no web page of another origin use the node
    #[arg(long, conflicts_with = "allow_origin")]
    no_cors: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Chain")]
struct ChainOptions {
    /// EIP-155 chain id
    #[arg(long, default_value_t = 412_346, value_name = "ID")]
    chain_id: u64,
    /// ArbOS version of the genesis block
    #[arg(long, default_value = "51", value_name = "VERSION", value_parser = arbos())]
    arbos: u64,
    /// Timestamp of the genesis block, in seconds since the Unix epoch [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// First and least base fee, in wei per gas
    #[arg(long, default_value_t = 100_000_000, value_name = "WEI")]
    base_fee: u64,
    /// Price of one unit of calldata on the parent chain, in wei: Nitro's development mode starts
    /// with 50000000000, and its tools then set 0
    #[arg(long, default_value_t = 0, value_name = "WEI")]
    l1_price: u64,
}

fn arbos() -> impl TypedValueParser<Value = u64> {
    PossibleValuesParser::new(["32", "40", "51", "60"]).try_map(|version| version.parse::<u64>())
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
struct Accounts {
    /// How many funded dev accounts exist
    #[arg(long, short, default_value_t = 10, value_name = "COUNT")]
    accounts: u32,
    /// Balance of each dev account, in ETH
    #[arg(long, default_value = "10000", value_name = "ETH")]
    balance: String,
    /// Mnemonic that the dev accounts are derived from
    #[arg(long, default_value = devnet::accounts::MNEMONIC, hide_default_value = true)]
    mnemonic: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mining")]
struct Mining {
    /// Mine a block every so many seconds instead of one for each transaction
    #[arg(long, short, value_name = "SECONDS", allow_negative_numbers = true)]
    block_time: Option<f64>,
    /// Mine a block for each transaction, too
    #[arg(long, requires = "block_time")]
    mixed_mining: bool,
    /// Mine only on request (evm_mine, anvil_mine)
    #[arg(long, alias = "no-mine", conflicts_with = "block_time")]
    no_mining: bool,
    /// Which waiting transaction comes first: the one that came first, or that offers most
    #[arg(long, value_enum, default_value_t = OrderBy::Fifo)]
    order: OrderBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OrderBy {
    Fifo,
    Fees,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Stylus")]
struct Stylus {
    /// Activate Stylus programs silently on their first call
    #[arg(long)]
    auto_activate: bool,
    /// Where compiled programs are kept [default: nexus-devnet in the user's cache folder]
    #[arg(long, value_name = "FOLDER", env = "NEXUS_DEVNET_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// Keep compiled programs in memory only
    #[arg(long, conflicts_with = "cache_dir")]
    no_disk_cache: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
struct State {
    /// Go on from this file if it exists, and save the chain to it at the end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["load_state", "dump_state"])]
    state: Option<PathBuf>,
    /// Go on from this file
    #[arg(long, value_name = "FILE")]
    load_state: Option<PathBuf>,
    /// Save the chain to this file at the end
    #[arg(long, value_name = "FILE")]
    dump_state: Option<PathBuf>,
    /// Save the chain every so many seconds, too
    #[arg(long, value_name = "SECONDS")]
    state_interval: Option<f64>,
    /// Blocks whose state is kept for calls in the past
    #[arg(long, default_value_t = 100_000, value_name = "BLOCKS")]
    state_history: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct Bounds {
    /// Most gas of one eth_call or estimate
    #[arg(long, default_value_t = 50_000_000, value_name = "GAS")]
    call_gas: u64,
    /// Largest request, in bytes
    #[arg(long, default_value_t = Limits::default().body_bytes, value_name = "BYTES")]
    max_body: u32,
    /// Most requests in one batch
    #[arg(long, default_value_t = Limits::default().batch, value_name = "COUNT")]
    max_batch: u32,
    /// Most connections at once
    #[arg(long, default_value_t = Limits::default().connections, value_name = "COUNT")]
    max_connections: u32,
}

/// What is printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print nothing but the URL
    #[arg(long, short, alias = "silent")]
    pub quiet: bool,
    /// Print one line of JSON: URLs, accounts with keys, contracts
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Write that JSON to a file, too
    #[arg(long, value_name = "FILE")]
    pub config_out: Option<PathBuf>,
    /// Log more: -v for blocks, -vv for everything; RUST_LOG takes precedence
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print the completion script of a shell and end
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<Shell>,
}

impl Output {
    /// What is logged, to standard error.
    pub fn filter(&self) -> EnvFilter {
        let level = match self.verbose {
            0 => "devnet=info,warn",
            1 => "devnet=debug,info",
            _ => "debug",
        };
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level))
    }
}

impl Options {
    /// The chain's settings.
    pub fn config(&self) -> anyhow::Result<Config> {
        let Self { server, chain, accounts, mining, stylus, state, limits, output: _ } = self;
        let balance: U256 = parse_ether(&accounts.balance)
            .with_context(|| format!("--balance {}: not an amount of ETH", accounts.balance))?;
        let (load_state, dump_state) = state.files()?;
        Ok(Config {
            chain_id: chain.chain_id,
            arbos: chain.arbos,
            host: server.host,
            port: server.port,
            allow_origins: (server.no_cors || !server.allow_origin.is_empty())
                .then(|| server.allow_origin.clone()),
            block_time: period("--block-time", mining.block_time)?,
            mixed_mining: mining.mixed_mining,
            no_mining: mining.no_mining,
            order: match mining.order {
                OrderBy::Fifo => Order::Fifo,
                OrderBy::Fees => Order::Fees,
            },
            timestamp: chain.timestamp,
            auto_activate: stylus.auto_activate,
            code_cache: (!stylus.no_disk_cache)
                .then(|| stylus.cache_dir.clone().or_else(devnet::code_cache_folder))
                .flatten(),
            mnemonic: accounts.mnemonic.clone(),
            accounts: accounts.accounts,
            balance,
            base_fee: chain.base_fee,
            l1_price: chain.l1_price,
            load_state,
            dump_state,
            state_interval: period("--state-interval", state.state_interval)?,
            limits: Limits {
                body_bytes: limits.max_body,
                batch: limits.max_batch,
                connections: limits.max_connections,
                call_gas: limits.call_gas,
                state_history: state.state_history,
                ..Limits::default()
            },
        })
    }
}

impl State {
    /// The file to load, and the one to save to.
    fn files(&self) -> anyhow::Result<(Option<PathBuf>, Option<PathBuf>)> {
        let Some(file) = &self.state else {
            return Ok((self.load_state.clone(), self.dump_state.clone()));
        };
        let there =
            file.try_exists().with_context(|| format!("--state {}: no access", file.display()))?;
        Ok((there.then(|| file.clone()), Some(file.clone())))
    }
}

fn period(option: &str, seconds: Option<f64>) -> anyhow::Result<Option<Duration>> {
    let Some(seconds) = seconds else { return Ok(None) };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|period| !period.is_zero())
        .with_context(|| format!("{option} {seconds}: must be above 0"))
        .map(Some)
}

/// SIGINT and SIGTERM, which are caught from now on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them.
    pub fn catch() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of them, even if it came before.
    pub async fn first(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn config(args: &[&str]) -> anyhow::Result<Config> {
        Options::try_parse_from([&["nexus-devnet"], args].concat())?.config()
    }

    #[test]
    fn the_command_line_is_consistent_and_every_option_is_explained() {
        let command = Options::command();
        command.clone().debug_assert();
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{argument}");
            assert!(argument.get_help_heading().is_some(), "{argument}");
        }
    }

    #[test]
    fn the_defaults_are_the_librarys_but_for_port_and_disk_cache() {
        let (have, want) = (config(&[]).unwrap(), Config::default());
        assert_eq!(have.port, 8545);
        let strip = |config: Config| Config { port: 0, code_cache: None, ..config };
        assert_eq!(format!("{:?}", strip(have)), format!("{:?}", strip(want)));
    }

    #[test]
    fn only_versions_that_differ_in_their_rules_can_be_chosen() {
        assert_eq!(config(&["--arbos", "60"]).unwrap().arbos, 60);
        let error = config(&["--arbos", "42"]).unwrap_err().to_string();
        assert!(error.contains("possible values: 32, 40, 51, 60"), "{error}");
    }

    #[test]
    fn values_without_meaning_are_refused() {
        for args in [
            ["--block-time", "0"],
            ["--block-time", "-1"],
            ["--block-time", "NaN"],
            ["--state-interval", "0"],
            ["--balance", "much"],
        ] {
            let error = config(&args).unwrap_err();
            assert!(error.to_string().contains(args[0]), "{error}");
        }
        assert!(config(&["--mixed-mining"]).is_err());
        assert!(config(&["--no-mining", "--block-time", "1"]).is_err());
        assert!(config(&["--state", "a", "--dump-state", "b"]).is_err());
    }

    #[test]
    fn a_state_file_that_is_not_there_yet_is_only_written() {
        let config = config(&["--state", "does-not-exist.state"]).unwrap();
        assert_eq!((config.load_state, config.dump_state.is_some()), (None, true));
    }
}

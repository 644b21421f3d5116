//! What a development chain can be told at its start.

use alloy::primitives::{U256, utils::parse_ether};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// Settings of a chain; [`Default`] is what tests want.
#[derive(Debug, Clone)]
pub struct Config {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// ArbOS version of the genesis block (30 to 60).
    pub arbos: u64,
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on, for HTTP and WebSocket; 0 takes any free one.
    pub port: u16,
    /// Origins whose web pages may use the node; all if absent.
    pub allow_origins: Option<Vec<String>>,
    /// A block at this interval instead of one for each transaction.
    pub block_time: Option<Duration>,
    /// With a block time: a block for each transaction, too.
    pub mixed_mining: bool,
    /// Blocks are mined only on request.
    pub no_mining: bool,
    /// Which of the waiting transactions comes first.
    pub order: Order,
    /// Timestamp of the genesis block in seconds since the Unix epoch; the system's time if absent.
    pub timestamp: Option<u64>,
    /// Activate Stylus programs silently on their first call.
    pub auto_activate: bool,
    /// A folder for compiled programs; they are kept in memory only if absent. All chains of a
    /// process share the folder that the first of them names.
    pub code_cache: Option<PathBuf>,
    /// Mnemonic that the dev accounts are derived from.
    pub mnemonic: String,
    /// How many dev accounts exist.
    pub accounts: u32,
    /// Balance of each dev account in wei.
    pub balance: U256,
    /// First and least base fee in wei per gas.
    pub base_fee: u64,
    /// Price of one unit of calldata on the parent chain in wei (16 units a byte, compressed);
    /// with 0, posting is free.
    pub l1_price: u64,
    /// A file that the chain is brought back from at the start.
    pub load_state: Option<PathBuf>,
    /// A file that the chain is saved to when it is closed.
    pub dump_state: Option<PathBuf>,
    /// How often it is saved in between.
    pub state_interval: Option<Duration>,
    /// Bounds on what clients may ask for.
    pub limits: Limits,
}

/// Which of the waiting transactions comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The one that came first, as on Arbitrum.
    #[default]
    Fifo,
    /// The one that offers most per gas.
    Fees,
}

/// Bounds on what clients may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest HTTP body or WebSocket message, in bytes, both ways.
    pub body_bytes: u32,
    /// Most requests in one batch.
    pub batch: u32,
    /// Most connections at once.
    pub connections: u32,
    /// Most subscriptions of one connection.
    pub subscriptions: u32,
    /// Most blocks that one `eth_getLogs` may look through.
    pub log_blocks: u64,
    /// Most logs that one `eth_getLogs` may return.
    pub log_results: usize,
    /// Most gas of one `eth_call` or estimate.
    pub call_gas: u64,
    /// Blocks whose state is kept for calls, counted from the latest.
    pub state_history: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 * 1024 * 1024,
            batch: 1_000,
            connections: 1_000,
            subscriptions: 1_024,
            log_blocks: 100_000,
            log_results: 20_000,
            call_gas: 50_000_000,
            state_history: 100_000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chain_id: 412_346,
            arbos: 51,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            allow_origins: None,
            block_time: None,
            mixed_mining: false,
            no_mining: false,
            order: Order::Fifo,
            timestamp: None,
            auto_activate: false,
            code_cache: None,
            mnemonic: crate::accounts::MNEMONIC.to_owned(),
            accounts: 10,
            balance: parse_ether("10000").unwrap_or(U256::MAX),
            base_fee: 100_000_000,
            l1_price: 0,
            load_state: None,
            dump_state: None,
            state_interval: None,
            limits: Limits::default(),
        }
    }
}

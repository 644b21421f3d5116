//! The keeper's configuration: one TOML file, environment on top, checked once.

mod load;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use alloy::transports::http::reqwest::Url;
use domain::userop::ENTRY_POINT_V08;
use serde::{Deserialize, Serialize};

pub use load::ConfigError;

/// Everything that an operator can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The chain and the registry on it.
    pub chain: ChainConfig,
    /// The keeper's smart account.
    pub account: AccountConfig,
    /// Where the signer listens.
    pub signer: SignerConfig,
    /// Where jobs are kept.
    pub store: StoreConfig,
    /// The HTTP API.
    #[serde(default)]
    pub api: ApiConfig,
    /// The engine and the operator's caps on runs.
    #[serde(default)]
    pub docker: DockerCaps,
    /// How operations are bundled and paid for.
    #[serde(default)]
    pub settle: SettleConfig,
    /// How the keeper ends.
    #[serde(default)]
    pub shutdown: ShutdownConfig,
}

/// `[chain]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// HTTP JSON-RPC of a node.
    pub rpc_url: Url,
    /// The chain that the node must be on.
    pub chain_id: u64,
    /// The AgentRegistry.
    pub registry: Address,
    /// The EntryPoint; v0.8 at its canonical address by default.
    #[serde(default = "default_entry_point")]
    pub entry_point: Address,
    /// Blocks on top of a purchase's block before it is acted on; 0 acts at inclusion.
    #[serde(default = "default_confirmations")]
    pub confirmations: u64,
    /// Blocks on top of a settlement's block after which it is taken for final.
    #[serde(default = "default_finality")]
    pub finality_blocks: u64,
    /// Deepest reorganisation that is followed, in blocks; a deeper one stops the watching.
    #[serde(default = "default_reorg_depth")]
    pub max_reorg_depth: u64,
    /// Pause between two looks at the chain, in milliseconds.
    #[serde(default = "default_poll_interval")]
    pub poll_interval_ms: u64,
    /// Longest wait for one answer of the node, in milliseconds.
    #[serde(default = "default_rpc_timeout")]
    pub rpc_timeout_ms: u64,
    /// First block that a new store looks at: the one that deployed the registry.
    #[serde(default)]
    pub start_block: u64,
}

/// `[account]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// The keeper's smart account, a keeper of the registry.
    pub address: Address,
}

/// `[signer]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerConfig {
    /// The Unix socket of `nexus-signer`.
    pub socket: PathBuf,
    /// Longest wait for a signature, in milliseconds.
    #[serde(default = "default_signer_timeout")]
    pub timeout_ms: u64,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The SQLite file; created if absent.
    pub path: PathBuf,
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Loopback address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Largest input that is taken, in bytes.
    pub max_input_bytes: u64,
    /// The state of a job from which on its result is handed out.
    pub result_after: ResultAfter,
}

/// How far a settlement must have come before the result is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultAfter {
    /// It is mined, and both the EntryPoint and the registry say so.
    #[default]
    Settled,
    /// It is mined too deep to leave the chain again.
    Final,
}

/// `[docker]`: the operator's caps; a manifest gets the lower of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerCaps {
    /// The engine's Unix socket, if not the usual one.
    pub socket: Option<PathBuf>,
    /// Repositories, or whole leading parts of their names, from which an absent image may be
    /// pulled if its manifest names one of them. Empty: nothing is pulled.
    pub pull_from: Vec<String>,
    /// Agents that run at the same time.
    pub max_concurrent: usize,
    /// Wall-clock seconds of a run.
    pub seconds: u32,
    /// Memory of a run in bytes, swap and `/tmp` included.
    pub memory_bytes: u64,
    /// Thousandths of a CPU for a run.
    pub cpu_millis: u32,
    /// Processes and threads of a run.
    pub pids: u32,
    /// Size of `/tmp` in bytes.
    pub tmp_bytes: u64,
    /// Bytes of result.
    pub output_bytes: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Days after which inputs, results and logs of ended runs are forgotten; 0 keeps them.
    pub keep_days: u32,
}

/// `[settle]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettleConfig {
    /// Most operations in one bundle.
    pub max_batch: usize,
    /// Seconds without inclusion after which a bundle is sent with higher fees.
    pub stall_seconds: u64,
    /// Most that is paid per gas, in wei; must not be above the signer's cap.
    pub max_fee_per_gas: u64,
    /// Seconds kept free before a purchase's deadline for settling; no run begins that could
    /// end later.
    pub margin_seconds: u64,
    /// Lowest price in wei of a run that is served. Settling costs gas, of failures too.
    pub min_price: u64,
}

/// `[shutdown]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// Seconds that running agents get to finish.
    pub grace_seconds: u64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8650)),
            max_input_bytes: 16 << 20,
            result_after: ResultAfter::default(),
        }
    }
}

impl Default for DockerCaps {
    fn default() -> Self {
        Self {
            socket: None,
            pull_from: Vec::new(),
            max_concurrent: 2,
            seconds: 600,
            memory_bytes: 1 << 30,
            cpu_millis: 1000,
            pids: 128,
            tmp_bytes: 256 << 20,
            output_bytes: 8 << 20,
            log_bytes: 4 << 20,
            keep_days: 30,
        }
    }
}

impl Default for SettleConfig {
    fn default() -> Self {
        Self {
            max_batch: 64,
            stall_seconds: 30,
            max_fee_per_gas: 10_000_000_000,
            margin_seconds: 300,
            min_price: 0,
        }
    }
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { grace_seconds: 30 }
    }
}

impl ChainConfig {
    /// Pause between two looks at the chain.
    pub const fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms)
    }

    /// Longest wait for one answer of the node.
    pub const fn rpc_timeout(&self) -> Duration {
        Duration::from_millis(self.rpc_timeout_ms)
    }
}

const fn default_entry_point() -> Address {
    ENTRY_POINT_V08
}
const fn default_confirmations() -> u64 {
    1
}
const fn default_finality() -> u64 {
    64
}
const fn default_reorg_depth() -> u64 {
    128
}
const fn default_poll_interval() -> u64 {
    250
}
const fn default_rpc_timeout() -> u64 {
    10_000
}
const fn default_signer_timeout() -> u64 {
    10_000
}

//! The two child processes: their keys and configuration, their start, their health.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    primitives::Address, signers::local::PrivateKeySigner, transports::http::reqwest::Url,
};
use anyhow::Context as _;
use keeper::{
    config::{
        AccountConfig, ApiConfig, ChainConfig, Config, DockerCaps, SettleConfig, ShutdownConfig,
        SignerConfig, StoreConfig,
    },
    signer_client::SignerClient,
};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use super::{
    account::Operator,
    data_dir::DataDir,
    process::{Process, bound},
};
use crate::{api::Api, failure::Failure, output::Output, ready::Contracts};

/// How long a child may take until it is healthy.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);
/// Blocks that `evm_revert` may take back.
const MAX_REORG_DEPTH: u64 = 10_000;
/// Pause between two looks of the keeper at the local chain.
const KEEPER_POLL_MS: u64 = 50;
/// Seconds that running agents get when the network is stopped.
const GRACE_SECONDS: u64 = 2;
/// Largest input the keeper takes, bytes.
const MAX_INPUT: u64 = 16 << 20;
/// Highest fee per gas that keeper and signer agree on, wei.
const MAX_FEE_PER_GAS: u64 = 10_000_000_000;
/// Gas that one settlement, and one bundle of them, may use at most.
const MAX_OPERATION_GAS: u64 = 10_000_000;
const MAX_BUNDLE_GAS: u64 = 32_000_000;
/// What a day's signatures may cost: 10 ether.
const DAILY_BUDGET: &str = "10000000000000000000";

/// Our programs.
#[derive(Debug)]
pub struct Programs {
    /// `nexus-signer`.
    pub signer: PathBuf,
    /// `nexus-keeper`.
    pub keeper: PathBuf,
}

/// The network that the children serve.
#[derive(Debug, Clone)]
pub struct Target {
    /// RPC of the chain.
    pub rpc_url: String,
    /// Chain id.
    pub chain_id: u64,
    /// Contract addresses.
    pub contracts: Contracts,
    /// The keeper's smart account.
    pub account: Address,
}

/// Creates the two keys, by the signer itself: no other process ever sees them.
pub async fn create_keys(programs: &Programs, data: &DataDir) -> anyhow::Result<Operator> {
    let password = PrivateKeySigner::random().to_bytes().to_string();
    let password_file = data.write("password", &password)?;
    let output = Command::new(&programs.signer)
        .args(["init", "--json", "--fast-kdf", "--dir"])
        .arg(data.path().join("keys"))
        .arg("--password-file")
        .arg(password_file)
        .kill_on_drop(true)
        .output()
        .await
        .context("starting nexus-signer")?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(
            Failure::Service(format!("nexus-signer could not create keys: {reason}")).into()
        );
    }
    serde_json::from_slice(&output.stdout).context("nexus-signer did not print its addresses")
}

/// Starts the signer and waits until it answers.
pub async fn start_signer(
    programs: &Programs,
    data: &DataDir,
    target: &Target,
    show: Option<Output>,
) -> anyhow::Result<(Process, PathBuf)> {
    let socket = data.folder("run")?.join("signer.sock");
    let config = data.write("signer.toml", &signer_config(target, &socket)?)?;
    let mut command = bound(&programs.signer);
    command
        .args(["run", "--config"])
        .arg(config)
        .arg("--password-file")
        .arg(data.path().join("password"));
    let mut process = Process::spawn("signer", &mut command, show)?;
    let client = SignerClient::new(socket.clone(), Duration::from_secs(5));
    until(&mut process, async || client.info().await.is_ok()).await?;
    Ok((process, socket))
}

fn signer_config(target: &Target, socket: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let contracts = &target.contracts;
    writeln!(text, "keystore = \"keys\"\njournal = \"journal.db\"\n\n[socket]")?;
    writeln!(text, "path = {:?}\n\n[policy]", socket.display().to_string())?;
    writeln!(text, "chain_id = {}", target.chain_id)?;
    writeln!(text, "entry_point = \"{}\"", contracts.entry_point)?;
    writeln!(text, "account = \"{}\"", target.account)?;
    writeln!(text, "registry = \"{}\"", contracts.registry)?;
    writeln!(text, "max_operation_gas = {MAX_OPERATION_GAS}")?;
    writeln!(text, "max_bundle_gas = {MAX_BUNDLE_GAS}")?;
    writeln!(text, "max_fee_per_gas = \"{MAX_FEE_PER_GAS}\"")?;
    writeln!(text, "daily_budget = \"{DAILY_BUDGET}\"")?;
    Ok(text)
}

/// Starts the keeper and waits until it says that it is healthy.
pub async fn start_keeper(
    programs: &Programs,
    data: &DataDir,
    target: &Target,
    (signer, port): (&Path, u16),
    show: Option<Output>,
) -> anyhow::Result<(Process, Api)> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(port)?));
    let config = keeper_config(data, target, signer, listen)?;
    let config = data.write("keeper.toml", &toml::to_string(&config)?)?;
    let mut command = bound(&programs.keeper);
    command.args(["run", "--config"]).arg(config);
    let mut process = Process::spawn("keeper", &mut command, show)?;
    let api = Api::new(&format!("http://{listen}"))?;
    match until(&mut process, async || api.is_healthy().await).await {
        Ok(()) => Ok((process, api)),
        Err(error) => {
            Err(error.context(format!("the keeper is not healthy: {}", api.health().await)))
        }
    }
}

fn keeper_config(
    data: &DataDir,
    target: &Target,
    signer: &Path,
    listen: SocketAddr,
) -> anyhow::Result<Config> {
    Ok(Config {
        chain: ChainConfig {
            rpc_url: Url::parse(&target.rpc_url)?,
            chain_id: target.chain_id,
            registry: target.contracts.registry,
            entry_point: target.contracts.entry_point,
            // One process makes the chain and mines at once, so nothing waits for confirmations.
            // Only `evm_revert` takes blocks back, and tests of dApps do so by the thousand.
            confirmations: 0,
            finality_blocks: 0,
            max_reorg_depth: MAX_REORG_DEPTH,
            poll_interval_ms: KEEPER_POLL_MS,
            rpc_timeout_ms: 10_000,
            start_block: 0,
        },
        account: AccountConfig { address: target.account },
        signer: SignerConfig { socket: signer.to_owned(), timeout_ms: 10_000 },
        store: StoreConfig { path: data.path().join("keeper.db") },
        api: ApiConfig { listen, max_input_bytes: MAX_INPUT, ..ApiConfig::default() },
        docker: DockerCaps::default(),
        settle: SettleConfig { max_fee_per_gas: MAX_FEE_PER_GAS, ..SettleConfig::default() },
        shutdown: ShutdownConfig { grace_seconds: GRACE_SECONDS },
    })
}

/// The wanted port, or one that was free a moment ago.
fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).with_context(|| {
        format!("port {wanted} for the keeper's API is taken: choose another --api-port")
    })?;
    Ok(listener.local_addr()?.port())
}

/// Waits until a child is healthy; its death or silence is an error.
async fn until(process: &mut Process, healthy: impl AsyncFn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        tokio::select! {
            error = process.died() => return Err(error),
            healthy = healthy() => if healthy { return Ok(()) },
        }
        if Instant::now() > deadline {
            return Err(process.late(START_TIMEOUT));
        }
        sleep(POLL).await;
    }
}

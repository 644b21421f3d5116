//! Nodes as child processes.

use crate::client::Client;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// A node that is not ready after this long will not be.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to reach a starting node.
const PAUSE: Duration = Duration::from_micros(500);

/// Which node.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Ours.
    Devnet(PathBuf),
    /// The one to compare with.
    Anvil(PathBuf),
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its EIP-155 chain id.
    pub chain_id: u64,
    /// How long it took until it answered.
    pub ready_after: Duration,
}

impl Kind {
    /// How the report calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Devnet(_) => "nexus-devnet",
            Self::Anvil(_) => "anvil",
        }
    }

    /// Starts it and waits until it answers.
    pub async fn start(&self) -> Result<Node> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let (path, options) = match self {
            Self::Devnet(path) => (path, ["--quiet"].as_slice()),
            // Neither waits for a price of data on the parent chain nor prints each request.
            Self::Anvil(path) => (path, ["--silent", "--accounts", "10"].as_slice()),
        };
        let begin = Instant::now();
        let child = Command::new(path)
            .args(["--port", &port.to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", path.display()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let chain_id = loop {
            if let Ok(chain_id) = ask(address).await {
                break chain_id;
            }
            if begin.elapsed() > PATIENCE {
                bail!("{} does not answer on port {port}", path.display());
            }
            tokio::time::sleep(PAUSE).await;
        };
        Ok(Node { child, address, chain_id, ready_after: begin.elapsed() })
    }
}

async fn ask(address: SocketAddr) -> Result<u64> {
    let answer = Client::connect(address).await?.call("eth_chainId", json!([])).await?;
    let digits = answer.as_str().context("a chain id")?.trim_start_matches("0x");
    Ok(u64::from_str_radix(digits, 16)?)
}

impl Node {
    /// Resident memory in MiB.
    pub fn memory(&self) -> Result<f64> {
        let id = self.child.id().context("the node has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// The median time from start to the first answer, in milliseconds.
pub async fn start_up(kind: &Kind, runs: usize) -> Result<f64> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        let node = kind.start().await?;
        times.push(node.ready_after.as_secs_f64() * 1_000.0);
        node.stop().await?;
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

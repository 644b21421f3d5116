//! Measures the node, beside anvil if there is one: `cargo run --release --example bench`.

#![allow(clippy::print_stdout, reason = "standard output is the result")]

mod client;
mod load;
mod node;
mod report;
mod tokens;

use anyhow::{Context, Result};
use clap::Parser;
use report::Report;
use std::path::PathBuf;

/// Measures nexus-devnet, and anvil in the same way if its path is given.
#[derive(Debug, Parser)]
struct Options {
    /// The nexus-devnet binary [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    devnet: Option<PathBuf>,
    /// The anvil binary to compare with
    #[arg(long, value_name = "FILE")]
    anvil: Option<PathBuf>,
    /// Transfers of each kind; with many thousands anvil leaves some without a block
    #[arg(long, default_value_t = 1_200, value_name = "COUNT")]
    transfers: usize,
    /// Blocks, each with a transfer, after which our memory is read
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    blocks: usize,
    /// Calls of a view
    #[arg(long, default_value_t = 5_000, value_name = "COUNT")]
    calls: usize,
    /// How often each node is started for its start-up time
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    starts: usize,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let devnet = match &options.devnet {
        Some(path) => path.clone(),
        None => beside()?,
    };
    let mut report = Report::default();
    let ours = node::Kind::Devnet(devnet);
    measure(&ours, &options, &mut report).await?;
    if let Some(path) = &options.anvil {
        measure(&node::Kind::Anvil(path.clone()), &options, &mut report).await?;
    }
    if options.json {
        report.print_json()
    } else {
        report.print_table()
    }
    Ok(())
}

/// The binary that was built with this example.
fn beside() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = me.ancestors().nth(2).context("this program is in no target folder")?;
    let path = folder.join("nexus-devnet");
    anyhow::ensure!(path.is_file(), "{} is missing: build it or give --devnet", path.display());
    Ok(path)
}

/// Everything that can be asked of one kind of node.
async fn measure(kind: &node::Kind, options: &Options, report: &mut Report) -> Result<()> {
    let name = kind.name();
    report.add(name, "start to ready, p50, ms", node::start_up(kind, options.starts).await?);

    let node = kind.start().await?;
    report.add(name, "memory at start, MiB", node.memory()?);
    let rate = load::transfers(&node, options.transfers).await?;
    report.add(name, "plain transfers per second", rate);
    let blocks = load::height(&node).await?;
    report.add(name, "blocks that hold them", blocks as f64);
    report.add(name, "memory after them, MiB", node.memory()?);
    if matches!(kind, node::Kind::Devnet(_)) {
        let more = options.blocks.saturating_sub(usize::try_from(blocks)?);
        load::transfers(&node, more).await?;
        let what = format!("memory after {} blocks, MiB", load::height(&node).await?);
        report.add(name, &what, node.memory()?);
    }
    node.stop().await?;

    let node = kind.start().await?;
    let evm = tokens::deploy_evm(&node).await?;
    report.add(name, "EVM ERC-20 transfers per second", token(&node, evm, options).await?);
    report.latency(name, "EVM view", load::calls(&node, evm, options.calls).await?);
    if matches!(kind, node::Kind::Devnet(_)) {
        let wasm = tokens::deploy_wasm(&node).await?;
        report.add(name, "WASM ERC-20 transfers per second", token(&node, wasm, options).await?);
        report.latency(name, "WASM view", load::calls(&node, wasm, options.calls).await?);
    }
    node.stop().await
}

async fn token(
    node: &node::Node,
    token: alloy::primitives::Address,
    options: &Options,
) -> Result<f64> {
    load::mint(node, token).await?;
    load::token_transfers(node, token, options.transfers).await
}

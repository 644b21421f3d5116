//! The `nexus-devnet` binary.

mod cli;

use anyhow::Context;
use clap::Parser;
use devnet::Devnet;

fn main() -> anyhow::Result<()> {
    let options = cli::Options::parse();
    tracing_subscriber::fmt().with_env_filter(options.filter()).with_writer(std::io::stderr).init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime could not be started")?
        .block_on(run(options))
}

async fn run(options: cli::Options) -> anyhow::Result<()> {
    let quiet = options.quiet;
    let config = options.config()?;
    let chain_id = config.chain_id;
    let devnet = Devnet::spawn(config).await?;
    cli::output::banner(&devnet, chain_id, quiet);
    cli::signal().await?;
    devnet.shutdown().await;
    Ok(())
}

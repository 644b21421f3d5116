//! The `nexus-devnet` binary.

mod cli;

use anyhow::Context;
use clap::Parser;
use devnet::Devnet;

fn main() -> anyhow::Result<()> {
    let options = cli::Options::parse();
    if let Some(shell) = options.output.completions {
        cli::output::completions(shell);
        return Ok(());
    }
    let filter = options.output.filter();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime could not be started")?
        .block_on(run(options))
}

async fn run(options: cli::Options) -> anyhow::Result<()> {
    let config = options.config()?;
    let signals = cli::Signals::catch()?;
    let devnet = Devnet::spawn(config.clone()).await?;
    cli::output::started(&devnet, &config, &options.output)?;
    signals.first().await;
    Ok(devnet.close().await?)
}

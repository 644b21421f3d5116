//! The `nexus-keeper` binary.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use keeper::rpc::LOG_LIMITS;
use keeper::{Config, Keeper};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Watches the registry, runs what is bought, settles what was run.
#[derive(Debug, Parser)]
#[command(name = "nexus-keeper", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs until SIGTERM or SIGINT.
    Run {
        /// The TOML file; NEXUS_KEEPER__SECTION__KEY in the environment overrides it.
        #[arg(long)]
        config: PathBuf,
        /// Logs as JSON lines instead of text.
        #[arg(long)]
        json_logs: bool,
    },
    /// Reads and checks the configuration, prints it with all defaults, starts nothing.
    CheckConfig {
        /// The TOML file; NEXUS_KEEPER__SECTION__KEY in the environment overrides it.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::CheckConfig { config } => output::print(&toml_of(&Config::from_file(&config)?)?),
        Command::Run { config, json_logs } => {
            let config = Config::from_file(&config)?;
            log_to_stderr(json_logs);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("starting the runtime")?;
            runtime.block_on(run(config))?;
            // Not dropping the runtime leaves agents alone that outlast the grace period.
            std::process::exit(0)
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let asked = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
            _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
        }
        asked.cancel();
    });
    match Keeper::start(config, shutdown.clone()).await {
        Ok(keeper) => keeper.wait().await,
        Err(_) if shutdown.is_cancelled() => Ok(()),
        Err(error) => Err(error),
    }
}

fn toml_of(config: &Config) -> anyhow::Result<String> {
    toml::to_string(config).context("printing the configuration")
}

fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let limits = LOG_LIMITS.iter().filter_map(|limit| limit.parse().ok());
    let filter = limits.fold(filter, EnvFilter::add_directive);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { logs.json().init() } else { logs.init() }
}

/// The only place that writes to standard output.
mod output {
    use std::io::Write;

    use anyhow::Context as _;

    /// Writes a result.
    pub(crate) fn print(text: &str) -> anyhow::Result<()> {
        std::io::stdout().write_all(text.as_bytes()).context("writing the result")
    }
}

//! The `nexus` binary.

use std::{io, process::ExitCode};

use clap::Parser as _;
use cli::{args::Cli, commands, failure, output::Output};
use keeper::rpc::LOG_LIMITS;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.globals.json, cli.globals.quiet);
    let filter = EnvFilter::try_from_env("NEXUS_LOG").unwrap_or_else(|_| "warn".into());
    let limits = LOG_LIMITS.iter().filter_map(|limit| limit.parse().ok());
    let filter = limits.fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).init();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(commands::run(cli)));
    match outcome {
        Ok(()) => ExitCode::from(failure::OK),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(failure::OK),
        Err(error) => {
            out.error(&error);
            ExitCode::from(failure::exit_code(&error))
        }
    }
}

// `nexus agent list | head -1` is not a failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

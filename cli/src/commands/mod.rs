//! The commands: thin files that read arguments, call the library and show the result.

pub mod agent;
pub mod bench;
pub mod buy;
pub mod completions;
pub mod contracts;
pub mod demo;
pub mod dev;
pub mod funds;
pub mod job;
pub mod receipt;

use crate::{
    args::{Cli, Command},
    context::Context,
    output::Output,
};

/// Runs the command that was given.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let out = Output::new(cli.globals.json, cli.globals.quiet);
    match cli.command {
        Command::Dev(args) => dev::run(out, &cli.globals, args).await,
        Command::Demo(args) => demo::run(out, args).await,
        Command::Bench(args) => bench::run(out, args).await,
        Command::Completions(args) => completions::run(out, &args),
        Command::Contracts(command) => contracts::run(out, &cli.globals, command).await,
        Command::Agent(command) => agent::run(out, &cli.globals, command).await,
        Command::Buy(args) => buy::run(&Context::new(cli.globals)?, args).await,
        Command::Job(command) => job::run(&Context::new(cli.globals)?, command).await,
        Command::Refund(args) => funds::refund(&Context::new(cli.globals)?, args).await,
        Command::Withdraw(args) => funds::withdraw(&Context::new(cli.globals)?, args).await,
        Command::Balance(args) => funds::balance(&Context::new(cli.globals)?, args).await,
        Command::Receipt(command) => receipt::run(out, cli.globals, command).await,
    }
}

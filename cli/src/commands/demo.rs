//! `nexus demo`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    demo::{self, DemoOptions},
    output::Output,
};

/// Arguments of `nexus demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus demo                       summarise the text that ships with the project
  nexus demo my.txt                summarise a file of your own
  nexus --json demo > demo.json    for machines

Runs a network of its own, from deploying the contracts to a verified receipt, then a run that
fails and is refunded. The exit code is 0 only when every step happened. Nothing stays running.")]
pub struct DemoArgs {
    /// UTF-8 text to summarise, or - for standard input [default: a text that ships with the
    /// project]
    pub file: Option<PathBuf>,
    /// Root of the project's sources [default: found from the current folder upward]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Runs the demo; a signal ends it and stops its network.
pub async fn run(out: Output, args: DemoArgs) -> anyhow::Result<()> {
    let options = DemoOptions { file: args.file, root: args.root };
    let report = demo::run(out, options).await?;
    out.result(&report)
}

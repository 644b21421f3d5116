//! `nexus bench`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    bench::{self, BenchOptions},
    output::Output,
};

/// Arguments of `nexus bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus bench
  nexus --json bench --runs 100 > bench.json

Measures on a network of its own: the time from sending a purchase to its settlement, how it
splits, and its ratio to a plain `docker run` of the same image with the same input.")]
pub struct BenchArgs {
    /// How many runs to buy, one after the other
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub runs: u32,
    /// UTF-8 text to summarise [default: a text that ships with the project]
    pub file: Option<PathBuf>,
    /// Root of the project's sources [default: found from the current folder upward]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Runs the measurement; a signal ends it and stops its network.
pub async fn run(out: Output, args: BenchArgs) -> anyhow::Result<()> {
    let options = BenchOptions { runs: args.runs, file: args.file, root: args.root };
    let report = bench::run(out, options).await?;
    out.result(&report)
}

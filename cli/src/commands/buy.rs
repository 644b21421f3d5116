//! `nexus buy`.

use std::{path::PathBuf, time::Duration};

use alloy::primitives::U256;
use anyhow::Context as _;
use clap::Args;
use domain::ids::AgentId;

use crate::{
    buy::{self, Finished},
    context::Context,
    keys::KeyArgs,
    money,
    output::Output,
};

/// Seconds that settlement may take after the agent's own time.
const SETTLE_ALLOWANCE: u64 = 120;

/// Arguments of `nexus buy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus buy 1 --input text.txt --watch --account dev:buyer
  echo 'Some text.' | nexus buy 1 --input - --watch --max-price 0.02 --account dev:buyer
  nexus --json buy 1 --input text.txt --private-key-file key.txt

Everything is checked before money moves. With --watch the result is printed to stdout; when
the run fails, nothing is printed there, the exit code is 4 and the money is refunded.")]
pub struct BuyArgs {
    /// Number of the agent (see `nexus agent list`)
    pub agent: AgentId,
    /// The input: a file, or - for standard input. Up to 16 KiB travel in the transaction
    /// and are public; more goes to the keeper
    #[arg(long, short, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Pay no more than this, for example 0.02 (ether) or 500gwei
    #[arg(long, value_name = "AMOUNT", value_parser = money::parse)]
    pub max_price: Option<U256>,
    /// Stream the agent's log and print its result at the end
    #[arg(long, short)]
    pub watch: bool,
    /// With --watch: how long to wait [default: the agent's own limit and 120 s]
    #[arg(long, value_name = "SECONDS", requires = "watch")]
    pub timeout: Option<u64>,
    /// The key that pays
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Buys, and with `--watch` waits for the result.
pub async fn run(context: &Context, args: BuyArgs) -> anyhow::Result<()> {
    let out = context.out;
    let input = match &args.input {
        Some(path) => buy::read_input(path)?,
        None => Vec::new(),
    };
    let chain = context.writer(&args.keys).await?;
    let plan = buy::plan(&chain, || context.api(), args.agent, input, args.max_price).await?;
    if args.watch {
        let api = context.api()?;
        api.info().await.context("--watch needs the keeper's API; no money was moved")?;
        if !api.is_healthy().await {
            out.warn(format!("The keeper has trouble, the run waits: {}", api.health().await));
        }
    }
    let seconds = u64::from(plan.agent.max_seconds) + SETTLE_ALLOWANCE;
    out.note(format!(
        "Buying a run of {} {} for {}",
        plan.agent.manifest.name, plan.agent.manifest.version, plan.agent.price
    ));
    let bought = buy::pay(&chain, plan).await?;
    if !args.watch {
        return out.result(&bought);
    }
    out.note(format!(
        "Paid: purchase {}, transaction {}",
        bought.purchase_id, bought.mined.transaction
    ));
    let allowed = Duration::from_secs(args.timeout.unwrap_or(seconds));
    let finished = buy::follow(&chain, &context.api()?, out, bought.purchase_id, allowed).await?;
    show(out, &finished)
}

/// Prints a finished run: its result to stdout, or the failure.
pub fn show(out: Output, finished: &Finished) -> anyhow::Result<()> {
    if out.is_json() {
        out.result(finished)?;
        return finished.must_be_ok();
    }
    finished.must_be_ok()?;
    if let Some(settlement) = &finished.settlement {
        out.note(format!(
            "Settled: {}, charged {}, receipt {}",
            finished.outcome(),
            settlement.charge,
            settlement.receipt_hash
        ));
    }
    match &finished.raw {
        Some(bytes) => out.agent_bytes(bytes),
        None => Ok(()),
    }
}

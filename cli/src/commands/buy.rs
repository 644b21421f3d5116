//! `nexus buy`.

use std::{path::PathBuf, time::Duration};

use alloy::primitives::{TxHash, U256};
use anyhow::Context as _;
use clap::Args;
use domain::ids::AgentId;

use crate::{
    agents,
    buy::{self, Bought, Finished, resume},
    chain::Chain,
    context::Context,
    failure::Failure,
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
  nexus buy --resume HASH --input text.txt --watch      after a failure: never pays again

Everything is checked before money moves. With --watch the result is printed to stdout; when
the run fails, nothing is printed there, the exit code is 4 and the money is refunded. The hash
of the transaction is shown before it is sent; exit code 9 means that it may be mined: go on
with --resume instead of buying again.")]
pub struct BuyArgs {
    /// Number of the agent (see `nexus agent list`)
    #[arg(required_unless_present = "resume")]
    pub agent: Option<AgentId>,
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
    /// Go on with the purchase of this transaction: find it, upload its input if needed, watch it
    #[arg(long, value_name = "HASH")]
    pub resume: Option<TxHash>,
    /// The key that pays
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Buys, and with `--watch` waits for the result.
pub async fn run(context: &Context, args: BuyArgs) -> anyhow::Result<()> {
    let input = args.input.as_deref().map(buy::read_input).transpose()?;
    match (args.agent, args.resume) {
        (_, Some(hash)) => go_on(context, &args, hash, input).await,
        (Some(agent), None) => buy(context, &args, agent, input.unwrap_or_default()).await,
        (None, None) => anyhow::bail!("give the number of an agent, or --resume HASH"),
    }
}

async fn buy(
    context: &Context,
    args: &BuyArgs,
    agent: AgentId,
    input: Vec<u8>,
) -> anyhow::Result<()> {
    let out = context.out;
    let chain = context.writer(&args.keys).await?;
    let plan = buy::plan(&chain, || context.api(), agent, input, args.max_price).await?;
    if args.watch {
        let api = context.api()?;
        api.info().await.context("--watch needs the keeper's API; no money was moved")?;
        if !api.is_healthy().await {
            out.warn(format!("The keeper has trouble, the run waits: {}", api.health().await));
        }
    }
    let seconds = u64::from(plan.agent.max_seconds);
    out.note(format!(
        "Buying a run of {} {} for {}",
        plan.agent.manifest.name, plan.agent.manifest.version, plan.agent.price
    ));
    let bought = buy::pay(&chain, out, plan).await?;
    end(context, args, &chain, &bought, seconds).await
}

/// Goes on with a purchase whose transaction was signed before, and pays nothing.
async fn go_on(
    context: &Context,
    args: &BuyArgs,
    hash: TxHash,
    input: Option<Vec<u8>>,
) -> anyhow::Result<()> {
    let chain = context.reader().await?;
    let bought = resume::find(&chain, context.out, hash).await?;
    if let Some(agent) = args.agent.filter(|agent| *agent != bought.agent_id) {
        let (id, other) = (bought.purchase_id, bought.agent_id);
        let message = format!(
            "transaction {hash} bought agent {other} (purchase {id}), not agent {agent}: leave the \
             number out, or give the other transaction"
        );
        return Err(Failure::Refused(message).into());
    }
    let delivered = resume::deliver(|| context.api(), context.out, &bought, input).await;
    delivered.context(bought.already_sent())?;
    let agent = agents::read(&chain, bought.agent_id).await;
    let seconds = agent.map_or(0, |agent| u64::from(agent.max_seconds));
    end(context, args, &chain, &bought, seconds).await
}

/// Shows a paid purchase, and with `--watch` follows it.
async fn end(
    context: &Context,
    args: &BuyArgs,
    chain: &Chain,
    bought: &Bought,
    seconds: u64,
) -> anyhow::Result<()> {
    let out = context.out;
    if !args.watch {
        return out.result(bought);
    }
    let (id, hash) = (bought.purchase_id, bought.mined.transaction);
    out.note(format!("Paid: purchase {id}, transaction {hash}"));
    let allowed = Duration::from_secs(args.timeout.unwrap_or(seconds + SETTLE_ALLOWANCE));
    let finished = buy::follow(chain, &context.api()?, out, bought.order(), allowed).await;
    show(out, &finished.context(bought.already_sent())?)
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

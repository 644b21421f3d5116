//! `nexus job show|list|upload`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use domain::ids::PurchaseId;

use crate::{
    buy::{self, Order},
    context::Context,
    failure::Failure,
    jobs::{self, JobLine, JobReport, JobTable},
    purchases::{self, Status},
};

/// Looks at purchases and their runs.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Show one purchase: what the chain and the keeper know of it
    Show(ShowArgs),
    /// List the latest purchases
    List(ListArgs),
    /// Upload the input of a purchase that is already paid
    Upload(UploadArgs),
}

/// Arguments of `nexus job show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus job show 1
  nexus job show 1 --watch          follow it and print its result")]
pub struct ShowArgs {
    /// Number of the purchase
    pub id: PurchaseId,
    /// Follow the run to its end and print its result
    #[arg(long, short)]
    pub watch: bool,
    /// With --watch: how long to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
}

/// Arguments of `nexus job list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus job list
  nexus --json job list --limit 100")]
pub struct ListArgs {
    /// How many purchases to show, newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u64,
}

/// Arguments of `nexus job upload`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus job upload 1 --input text.txt")]
pub struct UploadArgs {
    /// Number of the purchase
    pub id: PurchaseId,
    /// The input that was bought with, or - for standard input
    #[arg(long, short, value_name = "FILE")]
    pub input: PathBuf,
}

/// Runs a job command.
pub async fn run(context: &Context, command: JobCommand) -> anyhow::Result<()> {
    match command {
        JobCommand::Show(args) => show(context, args).await,
        JobCommand::List(args) => list(context, args).await,
        JobCommand::Upload(args) => upload(context, args).await,
    }
}

async fn show(context: &Context, args: ShowArgs) -> anyhow::Result<()> {
    let chain = context.reader().await?;
    let purchase = purchases::read(&chain, args.id).await?;
    if args.watch {
        let allowed = Duration::from_secs(args.timeout);
        let order = Order::from(&purchase);
        let finished = buy::follow(&chain, &context.api()?, context.out, order, allowed).await?;
        return super::buy::show(context.out, &finished);
    }
    let settlement = purchases::settlement(&chain, &purchase).await?;
    let (job, note) = match context.api() {
        Ok(api) => jobs::of(&api, &purchase).await,
        Err(_) => (None, None),
    };
    context.out.result(&JobReport { purchase, settlement, job, note })
}

async fn list(context: &Context, args: ListArgs) -> anyhow::Result<()> {
    let chain = context.reader().await?;
    let count = purchases::count(&chain).await?;
    let oldest = count.saturating_sub(args.limit) + 1;
    let known = match context.api() {
        Ok(api) => api.jobs(oldest - 1, args.limit).await.unwrap_or_else(|error| {
            context.out.warn(format!("{error:#}"));
            Vec::new()
        }),
        Err(_) => Vec::new(),
    };
    let mut rows = Vec::new();
    for id in (oldest..=count).rev() {
        let purchase = purchases::read(&chain, PurchaseId(id)).await?;
        let keeper_state = jobs::state_in(&known, &purchase);
        rows.push(JobLine { purchase, keeper_state });
    }
    context.out.result(&JobTable(rows))
}

async fn upload(context: &Context, args: UploadArgs) -> anyhow::Result<()> {
    let chain = context.reader().await?;
    let purchase = purchases::read(&chain, args.id).await?;
    let input = buy::read_input(&args.input)?;
    let hash = domain::hash::input_hash(&input);
    if hash != purchase.input_hash {
        return Err(Failure::Refused(format!(
            "purchase {} was made for an input with the hash {}, but {} has {hash}",
            args.id,
            purchase.input_hash,
            args.input.display()
        ))
        .into());
    }
    if purchase.status != Status::Open {
        let words = purchase.status.words();
        let message = format!("purchase {} needs no input any more: it is {words}", args.id);
        return Err(Failure::Refused(message).into());
    }
    buy::upload(&context.api()?, context.out, args.id, hash, input).await?;
    context.out.note(format!("The keeper has the input of purchase {}", args.id));
    context.out.result(&purchase)
}

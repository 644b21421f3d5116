//! `nexus job show|list|upload`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use domain::ids::PurchaseId;
use serde::Serialize;
use serde_json::Value;

use crate::{
    buy,
    context::Context,
    failure::Failure,
    output::{Report, fields, table},
    purchases::{self, Purchase, Settlement},
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobReport {
    purchase: Purchase,
    settlement: Option<Settlement>,
    /// What the keeper says; null when it cannot be asked or does not know the purchase.
    job: Option<Value>,
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
    if args.watch {
        purchases::read(&chain, args.id).await?;
        let allowed = Duration::from_secs(args.timeout);
        let finished = buy::follow(&chain, &context.api()?, context.out, args.id, allowed).await?;
        return super::buy::show(context.out, &finished);
    }
    let purchase = purchases::read(&chain, args.id).await?;
    let settlement = purchases::settlement(&chain, args.id).await?;
    let job = match context.api() {
        Ok(api) => api.job(args.id.0).await.unwrap_or_else(|error| {
            context.out.warn(format!("{error:#}"));
            None
        }),
        Err(_) => None,
    };
    context.out.result(&JobReport { purchase, settlement, job })
}

async fn list(context: &Context, args: ListArgs) -> anyhow::Result<()> {
    let chain = context.reader().await?;
    let count = purchases::count(&chain).await?;
    let oldest = count.saturating_sub(args.limit) + 1;
    let mut rows = Vec::new();
    for id in (oldest..=count).rev() {
        rows.push(purchases::read(&chain, PurchaseId(id)).await?);
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
    let api = context.api()?;
    buy::upload(&api, args.id, hash, input).await.context("uploading the input")?;
    context.out.note(format!("The keeper has the input of purchase {}", args.id));
    context.out.result(&purchase)
}

impl Report for JobReport {
    fn human(&self) -> String {
        let mut text = self.purchase.human();
        if let Some(settlement) = &self.settlement {
            text = format!("{text}\n{}", settlement.human());
        }
        let state = self.job.as_ref().and_then(|job| job.get("state")).and_then(Value::as_str);
        if let Some(state) = state {
            text = format!("{text}\n{}", fields(&[("job at the keeper", state.to_owned())]));
        }
        text
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct JobTable(Vec<Purchase>);

impl Report for JobTable {
    fn human(&self) -> String {
        if self.0.is_empty() {
            return "No purchases yet. Buy a run with `nexus buy`.".to_owned();
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|p| {
                vec![
                    p.purchase_id.to_string(),
                    p.agent_id.to_string(),
                    p.escrow.to_string(),
                    p.status.words().to_owned(),
                    p.buyer.to_string(),
                ]
            })
            .collect();
        table(&["purchase", "agent", "paid", "status", "buyer"], &[0, 1, 2], &rows)
    }
}

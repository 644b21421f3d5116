//! `nexus receipt show|verify`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use domain::{ids::PurchaseId, receipt::SignedReceipt};

use crate::{
    args::Globals,
    context::Context,
    failure::Failure,
    jobs,
    output::Output,
    purchases,
    receipts::{self, Evidence, Receipt},
};

/// Shows and verifies execution receipts.
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Show a receipt
    Show(ShowArgs),
    /// Verify a receipt: its signature, and what the registry settled
    Verify(VerifyArgs),
}

/// Arguments of `nexus receipt show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus receipt show 1                      ask the keeper
  nexus --json receipt show 1 > receipt.json
  nexus receipt show receipt.json")]
pub struct ShowArgs {
    /// A receipt file, or the number of a purchase
    #[arg(value_name = "FILE|ID")]
    pub receipt: String,
}

/// Arguments of `nexus receipt verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus receipt verify 1
  nexus receipt verify receipt.json --input text.txt --result summary.txt
  nexus receipt verify receipt.json --offline --signer 0x70997970C51812dc3A010C7d01b50e0d17dc79C8

Verifying recomputes the EIP-712 digest, recovers who signed it, and asks the chain whether
this digest was settled by a keeper account that the signer owns. Without a chain (--offline)
you have to know the signer. The exit code is 7 when anything does not hold.")]
pub struct VerifyArgs {
    /// A receipt file, or the number of a purchase
    #[arg(value_name = "FILE|ID")]
    pub receipt: String,
    /// Also compare with the input that was bought with
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Also compare with the result that was delivered
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
    /// The address that must have signed: the owner of the keeper's account
    #[arg(long, value_name = "ADDRESS")]
    pub signer: Option<Address>,
    /// Ask no chain: check the signature and the receipt itself against --signer
    #[arg(long, requires = "signer")]
    pub offline: bool,
}

/// Runs a receipt command.
pub async fn run(out: Output, globals: Globals, command: ReceiptCommand) -> anyhow::Result<()> {
    match command {
        ReceiptCommand::Show(args) => {
            let signed = load(&args.receipt, globals).await?;
            out.result(&Receipt(&signed))
        }
        ReceiptCommand::Verify(args) => verify(out, globals, args).await,
    }
}

async fn verify(out: Output, globals: Globals, args: VerifyArgs) -> anyhow::Result<()> {
    let signed = load(&args.receipt, globals.clone()).await?;
    let read =
        |path: &PathBuf| fs::read(path).with_context(|| format!("reading {}", path.display()));
    let input = args.input.as_ref().map(read).transpose()?;
    let result = args.result.as_ref().map(read).transpose()?;
    let evidence =
        Evidence { input: input.as_deref(), result: result.as_deref(), signer: args.signer };
    let chain = match args.offline {
        true => None,
        false => Some(Context::new(globals.clone())?.reader().await.context(
            "the registry cannot be asked (without a chain, use --offline --signer ADDRESS)",
        )?),
    };
    if let (Some(chain), Some(id)) = (&chain, number(&args.receipt)) {
        let purchase = purchases::read(chain, id).await?;
        jobs::must_be_same_order(&Context::new(globals)?.api()?, &purchase).await?;
    }
    let verification = receipts::verify(&signed, evidence, chain.as_ref()).await?;
    out.result(&verification)?;
    if verification.verified {
        return Ok(());
    }
    Err(Failure::Unverified(format!(
        "the receipt of purchase {} is not valid: see the checks marked FAIL",
        signed.receipt.purchase_id
    ))
    .into())
}

/// The number of a purchase, if it is not the name of a file.
fn number(name: &str) -> Option<PurchaseId> {
    if Path::new(name).is_file() { None } else { name.parse().ok() }
}

async fn load(name: &str, globals: Globals) -> anyhow::Result<SignedReceipt> {
    let path = Path::new(name);
    if path.is_file() {
        let text = fs::read(path).with_context(|| format!("reading {name}"))?;
        return serde_json::from_slice(&text).with_context(|| {
            format!("{name} is not a receipt (what `nexus --json receipt show` prints)")
        });
    }
    let id: PurchaseId = name
        .parse()
        .with_context(|| format!("{name:?} is neither a file nor the number of a purchase"))?;
    let bytes = Context::new(globals)?.api()?.receipt(id.0).await?.ok_or_else(|| {
        Failure::Service(format!(
            "the keeper has no receipt of purchase {id}; it exists once the run is over (`nexus job show {id}`)"
        ))
    })?;
    serde_json::from_slice(&bytes).context("the keeper's receipt is not what this program expects")
}

//! `nexus refund`, `nexus withdraw`, `nexus balance`.

use alloy::{eips::BlockId, primitives::Address, sol_types::SolEvent as _};
use anyhow::Context as _;
use bindings::AgentRegistry::{self, AgentRegistryErrors};
use clap::Args;
use domain::ids::PurchaseId;
use serde::Serialize;

use crate::{
    buy::Order,
    chain::{Chain, Mined, explain, send},
    context::Context,
    failure::Failure,
    keys::KeyArgs,
    money::Wei,
    output::{Report, fields},
    purchases::{self, Purchase, Status},
};

/// Arguments of `nexus refund`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus refund 7 --account dev:buyer

Anyone may trigger it; the money always goes to the buyer's balance in the registry.")]
pub struct RefundArgs {
    /// Number of the purchase
    pub id: PurchaseId,
    /// The key that pays the gas
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Arguments of `nexus withdraw`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus withdraw --account dev:buyer
  nexus withdraw --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --private-key-file key.txt")]
pub struct WithdrawArgs {
    /// Where to send the money [default: the key's own address]
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<Address>,
    /// The key whose balance is taken out
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Arguments of `nexus balance`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus balance --account dev:publisher
  nexus balance 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]
pub struct BalanceArgs {
    /// The address [default: that of the key]
    pub address: Option<Address>,
    /// The key whose address is meant
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Money that left the registry's escrow or balance.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Who has it now.
    pub to: Address,
    /// How much.
    pub amount: Wei,
    /// The transaction.
    #[serde(flatten)]
    pub mined: Mined,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Balance {
    address: Address,
    ether: Wei,
    withdrawable: Wei,
}

/// Refunds an overdue purchase.
pub async fn refund(context: &Context, args: RefundArgs) -> anyhow::Result<()> {
    let chain = context.writer(&args.keys).await?;
    let purchase = purchases::read(&chain, args.id).await?;
    if purchase.status != Status::Open {
        let words = purchase.status.words();
        let message = format!("purchase {} cannot be refunded: it is {words}", args.id);
        return Err(Failure::Refused(message).into());
    }
    must_be_overdue(context, &chain, &purchase).await?;
    let receipt = send(&chain, chain.registry().refund(args.id.0), "refunding").await?;
    let event = receipt
        .inner
        .logs()
        .iter()
        .find_map(|log| AgentRegistry::Refunded::decode_log(&log.inner).ok());
    let event = event.context("the transaction holds no Refunded event")?;
    let moved = Moved {
        to: event.data.buyer,
        amount: event.data.amount.into(),
        mined: Mined::from(&receipt),
    };
    context.out.result(&moved)
}

/// Refuses a refund that comes too early, and tells what can still happen before the deadline.
async fn must_be_overdue(
    context: &Context,
    chain: &Chain,
    purchase: &Purchase,
) -> anyhow::Result<()> {
    let registry = chain.registry();
    let refund = registry.refund(purchase.purchase_id.0).from(chain.user()?);
    let Err(error) = refund.block(BlockId::pending()).call().await else { return Ok(()) };
    let reason = error.as_decoded_interface_error::<AgentRegistryErrors>();
    let Some(AgentRegistryErrors::DeadlineNotPassed(_)) = reason else { return Ok(()) };
    let (id, deadline) = (purchase.purchase_id, purchase.deadline);
    let wait = match deadline.checked_sub(chain.now().await?) {
        Some(rest) => format!("it is in {rest} s"),
        None => "this machine's clock is past it, but no block of the chain is yet".to_owned(),
    };
    let outlook = match job_state(context, purchase).await.as_deref() {
        Some("expired") => {
            "The keeper has given this purchase up and delivers nothing more: refund it then"
        }
        Some("stuck") => "The keeper cannot go on with it: refund it then",
        Some(_) => "Until then the keeper may still deliver",
        None => "Until then a keeper may still deliver",
    };
    Err(Failure::Refused(format!(
        "purchase {id} cannot be refunded yet, the deadline has not passed: {wait} (Unix time \
         {deadline}). {outlook}; nothing was sent"
    ))
    .into())
}

/// The state of the keeper's job, if a keeper can be asked and has this very order.
async fn job_state(context: &Context, purchase: &Purchase) -> Option<String> {
    let job = context.api().ok()?.job(purchase.purchase_id.0).await.ok().flatten()?;
    let ours = Order::from(purchase).difference(&job).is_none();
    ours.then(|| job["state"].as_str().map(str::to_owned)).flatten()
}

/// Takes out the key's balance.
pub async fn withdraw(context: &Context, args: WithdrawArgs) -> anyhow::Result<()> {
    let chain = context.writer(&args.keys).await?;
    let to = args.to.map_or_else(|| chain.user(), Ok)?;
    context.out.result(&withdraw_to(&chain, to).await?)
}

/// Sends the whole balance of the connection's key to an address.
pub async fn withdraw_to(chain: &Chain, to: Address) -> anyhow::Result<Moved> {
    let receipt = send(chain, chain.registry().withdraw(to), "withdrawing").await?;
    let event = receipt
        .inner
        .logs()
        .iter()
        .find_map(|log| AgentRegistry::Withdrawn::decode_log(&log.inner).ok());
    let event = event.context("the transaction holds no Withdrawn event")?;
    Ok(Moved { to: event.data.to, amount: event.data.amount.into(), mined: Mined::from(&receipt) })
}

/// Shows an address's money.
pub async fn balance(context: &Context, args: BalanceArgs) -> anyhow::Result<()> {
    let (chain, address) = match args.address {
        Some(address) => (context.reader().await?, address),
        None => {
            let chain = context.writer(&args.keys).await?;
            let address = chain.user()?;
            (chain, address)
        }
    };
    let withdrawable = chain.registry().balanceOf(address).call().await;
    let withdrawable = withdrawable.map_err(|error| explain(&error, "reading the balance"))?;
    context.out.result(&Balance {
        address,
        ether: Wei(chain.ether(address).await?),
        withdrawable: withdrawable.into(),
    })
}

impl Report for Moved {
    fn human(&self) -> String {
        fields(&[
            ("amount", self.amount.to_string()),
            ("to", self.to.to_string()),
            ("transaction", self.mined.transaction.to_string()),
            ("gas", format!("{} ({})", self.mined.gas_used, self.mined.gas_cost)),
        ])
    }
}

impl Report for Balance {
    fn human(&self) -> String {
        fields(&[
            ("address", self.address.to_string()),
            ("ether", self.ether.to_string()),
            ("withdrawable from the registry", self.withdrawable.to_string()),
        ])
    }
}

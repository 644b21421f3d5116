//! What a finished purchase gave: settlement, receipt and result, each compared with what the
//! registry settled.

use std::time::Duration;

use alloy::primitives::{B256, keccak256};
use domain::{ids::PurchaseId, receipt::SignedReceipt};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{Order, StateAt, story::Story};
use crate::{
    api::{Api, Handed},
    chain::Chain,
    failure::Failure,
    output::{Output, Report},
    patience::{Hiccups, try_until},
    purchases::{self, Purchase, Settlement, Status},
};

/// How long the keeper may take to hand out what is settled, and the node to show its logs.
const HANDED_OUT_WITHIN: Duration = Duration::from_secs(30);

/// The first pause before a keeper that withholds a result is asked again; each is twice the one
/// before, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How a purchase ended, with the bytes and the receipt that prove it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finished {
    /// The purchase at its end.
    pub purchase: Purchase,
    /// The settlement; none when it was refunded after the deadline.
    pub settlement: Option<Settlement>,
    /// The keeper's signed receipt.
    pub receipt: Option<SignedReceipt>,
    /// The result as text, when it is text.
    pub result: Option<String>,
    /// Size of the result in bytes.
    pub result_bytes: Option<usize>,
    /// When the job entered each state, as the keeper told.
    pub states: Vec<StateAt>,
    /// The agent's log.
    pub log: Vec<String>,
    /// Why the run failed, as the keeper tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The result's bytes.
    #[serde(skip)]
    pub raw: Option<Vec<u8>>,
}

impl Finished {
    /// How the run ended, in words.
    pub fn outcome(&self) -> String {
        let outcome = match (&self.receipt, self.purchase.status) {
            (Some(signed), _) => {
                format!("{} (exit code {})", signed.receipt.outcome, signed.receipt.exit_code)
            }
            (None, status) => status.words().to_owned(),
        };
        match self.detail.as_ref().filter(|detail| !detail.is_empty()) {
            Some(detail) => format!("{outcome}: {detail}"),
            None => outcome,
        }
    }

    /// Fails when the buyer got no result.
    pub fn must_be_ok(&self) -> anyhow::Result<()> {
        if self.purchase.status == Status::SettledOk {
            return Ok(());
        }
        let Purchase { purchase_id: id, escrow, status, .. } = &self.purchase;
        let what = match status {
            Status::Refunded => format!("purchase {id} was refunded, nothing was delivered for it"),
            _ => format!("the run of purchase {id} failed: {}", self.outcome()),
        };
        Err(Failure::RunFailed(format!(
            "{what}. Your {escrow} came back to your balance in the registry: take it out with \
             `nexus withdraw`, if you have not yet"
        ))
        .into())
    }
}

/// Fetches what a purchase that has ended gave. The keeper may take a moment to see the
/// settlement itself: until then it hands out nothing. One that hands out results only after
/// finality is waited for until `deadline`.
pub(super) async fn collect(
    chain: &Chain,
    api: &Api,
    out: Output,
    purchase: Purchase,
    story: Story,
    deadline: Instant,
) -> anyhow::Result<Finished> {
    let id = purchase.purchase_id;
    let until = Instant::now() + HANDED_OUT_WITHIN;
    let tries = |what: &str| Hiccups::new(out, format!("read the {what} of purchase {id}"));
    let settlement = try_until(until, tries("settlement"), async || {
        purchases::settlement(chain, &purchase).await
    })
    .await?;
    let (mut receipt, mut raw, mut detail) = (None, None, None);
    if let Some(settlement) = &settlement {
        let hash = settlement.receipt_hash;
        let found = async || self::receipt(api, &purchase, hash).await;
        receipt = match try_until(until, tries("receipt"), found).await {
            Ok(receipt) => receipt,
            Err(error) => {
                out.warn(format!("{error:#}"));
                None
            }
        };
        if settlement.ok {
            let bytes = result_by(api, out, &purchase, settlement, deadline).await?;
            raw = Some(must_fit(bytes, settlement)?);
        } else {
            detail = failed_detail(api, &purchase).await;
        }
    }
    Ok(Finished {
        result: raw.as_ref().and_then(|bytes| String::from_utf8(bytes.clone()).ok()),
        result_bytes: raw.as_ref().map(Vec::len),
        states: story.states,
        log: story.log,
        purchase,
        settlement,
        receipt,
        detail,
        raw,
    })
}

/// Tells whether the keeper has seen this very order settled: then it has nothing better to
/// give than what it gives now.
async fn knows_the_end(api: &Api, purchase: &Purchase) -> anyhow::Result<bool> {
    let job = api.job(purchase.purchase_id.0).await?;
    Ok(job.is_some_and(|job| {
        Order::from(purchase).difference(&job).is_none()
            && matches!(job["state"].as_str(), Some("settled" | "final"))
    }))
}

fn not_handed_out(purchase: &Purchase, what: &str) -> anyhow::Error {
    let id = purchase.purchase_id;
    Failure::Service(format!("purchase {id} is settled, but the keeper has no {what} for it"))
        .into()
}

/// The receipt that was settled; none if the keeper has another one or none, and that is final:
/// then another keeper settled.
async fn receipt(
    api: &Api,
    purchase: &Purchase,
    hash: B256,
) -> anyhow::Result<Option<SignedReceipt>> {
    let is_final = knows_the_end(api, purchase).await?;
    let bytes = api.receipt(purchase.purchase_id.0).await?;
    let signed = bytes.and_then(|bytes| serde_json::from_slice::<SignedReceipt>(&bytes).ok());
    match signed.filter(|signed| signed.digest() == hash) {
        None if !is_final => Err(not_handed_out(purchase, "receipt")),
        found => Ok(found),
    }
}

/// The result, from a keeper that may withhold it until `deadline`. One that has not seen the
/// settlement yet, and every other failure, has the usual time at least.
async fn result_by(
    api: &Api,
    out: Output,
    purchase: &Purchase,
    settlement: &Settlement,
    deadline: Instant,
) -> anyhow::Result<Vec<u8>> {
    let id = purchase.purchase_id;
    let (mut told, mut pause) = (false, PAUSE);
    let usual = Instant::now() + HANDED_OUT_WITHIN;
    loop {
        let hiccups = Hiccups::new(out, format!("read the result of purchase {id}"));
        let until = Instant::now() + HANDED_OUT_WITHIN;
        let found = async || result(api, purchase, settlement).await;
        match try_until(until, hiccups, found).await? {
            Found::Result(bytes) => return Ok(bytes),
            Found::Nothing => return Err(not_handed_out(purchase, "result")),
            Found::Withheld { is_settled } => {
                let deadline = if is_settled { deadline } else { deadline.max(usual) };
                if Instant::now() >= deadline {
                    return Err(withheld(id));
                }
                if is_settled && !told {
                    out.warn(format!(
                        "purchase {id} is settled, but the keeper hands out results only once \
                         their settlement is final: waiting for that"
                    ));
                    told = true;
                }
                sleep_until(deadline.min(Instant::now() + pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// What the keeper has of a result.
enum Found {
    Result(Vec<u8>),
    Nothing,
    /// It hands it out later; by now it may have seen the settlement.
    Withheld {
        is_settled: bool,
    },
}

/// The result, once the keeper hands out the one that was settled.
async fn result(api: &Api, purchase: &Purchase, settlement: &Settlement) -> anyhow::Result<Found> {
    let is_settled = knows_the_end(api, purchase).await?;
    match api.result(purchase.purchase_id.0).await? {
        Handed::Result(bytes) if is_settled || keccak256(&bytes) == settlement.result_hash => {
            Ok(Found::Result(bytes))
        }
        Handed::NotSettled => Ok(Found::Withheld { is_settled }),
        Handed::Nothing if is_settled => Ok(Found::Nothing),
        Handed::Result(_) | Handed::Nothing => Err(not_handed_out(purchase, "result")),
    }
}

/// The failure of a command whose time is over before the keeper hands out the result.
fn withheld(id: PurchaseId) -> anyhow::Error {
    Failure::TimedOut(format!(
        "purchase {id} is settled and paid, but the keeper hands out its result only once the \
         settlement is final: fetch it later with `nexus job show {id} --watch`"
    ))
    .into()
}

/// Compares the result with the hash that the registry settled.
fn must_fit(bytes: Vec<u8>, settlement: &Settlement) -> anyhow::Result<Vec<u8>> {
    let found = keccak256(&bytes);
    if found == settlement.result_hash {
        return Ok(bytes);
    }
    Err(Failure::Unverified(format!(
        "the result that the keeper gave has the hash {found}, but {} was settled: do not trust it",
        settlement.result_hash
    ))
    .into())
}

/// Why the run failed, if the keeper tells it of this very order.
async fn failed_detail(api: &Api, purchase: &Purchase) -> Option<String> {
    let job = api.job(purchase.purchase_id.0).await.ok().flatten()?;
    let ours = Order::from(purchase).difference(&job).is_none();
    ours.then(|| job["run"]["detail"].as_str().map(str::to_owned)).flatten()
}

impl Report for Finished {
    fn human(&self) -> String {
        let mut text = self.purchase.human();
        if let Some(settlement) = &self.settlement {
            text = format!("{text}\n{}", settlement.human());
        }
        text
    }
}

//! The payment, and the delivery of an input that does not fit the transaction.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::TransactionReceipt,
    sol_types::SolEvent as _,
};
use anyhow::Context as _;
use bindings::AgentRegistry::Purchased;
use domain::ids::{AgentId, PurchaseId};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Order, Plan};
use crate::{
    api::{Api, Upload},
    chain::{Chain, Mined, send},
    failure::{AlreadySent, Failure},
    money::Wei,
    output::{Output, Report, fields},
};

/// How long the keeper may take to learn of a purchase, or to come back, before it takes the
/// input.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// A keeper that is up to date takes it by then.
const SOON: Duration = Duration::from_secs(10);
/// The first pause between two offers; each is twice the one before, up to the longest.
const UPLOAD_PAUSE: Duration = Duration::from_millis(150);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// An input that the keeper refuses this often in a row is refused for good.
const REFUSALS: u32 = 3;

/// A paid purchase.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bought {
    /// Its number.
    pub purchase_id: PurchaseId,
    /// The agent.
    pub agent_id: AgentId,
    /// Version of the listing.
    pub version: u32,
    /// Who paid.
    pub buyer: Address,
    /// What was paid into escrow.
    pub escrow: Wei,
    /// Unix seconds after which anyone may refund it while it is open.
    pub deadline: u64,
    /// Hash of the input.
    pub input_hash: B256,
    /// Whether the input travelled inside the transaction.
    #[serde(skip)]
    pub inline: bool,
    /// The transaction.
    #[serde(flatten)]
    pub mined: Mined,
}

impl Bought {
    /// The purchase that a mined transaction made in the registry.
    pub fn in_receipt(registry: Address, receipt: &TransactionReceipt) -> anyhow::Result<Self> {
        let event = receipt
            .inner
            .logs()
            .iter()
            .filter(|log| log.address() == registry)
            .find_map(|log| Purchased::decode_log(&log.inner).ok())
            .with_context(|| {
                format!(
                    "transaction {} bought nothing in registry {registry}; is the registry's \
                     address right?",
                    receipt.transaction_hash
                )
            })?
            .data;
        Ok(Self {
            purchase_id: PurchaseId(event.purchaseId),
            agent_id: event.agentId.into(),
            version: event.version,
            buyer: event.buyer,
            escrow: event.escrow.into(),
            deadline: event.deadline,
            input_hash: event.inputHash,
            inline: domain::hash::input_hash(&event.input) == event.inputHash,
            mined: Mined::from(receipt),
        })
    }

    /// The number and terms that were bought.
    pub fn order(&self) -> Order {
        Order {
            purchase_id: self.purchase_id,
            agent_id: self.agent_id,
            version: self.version,
            buyer: self.buyer,
            escrow: self.escrow,
            deadline: self.deadline,
            input_hash: self.input_hash,
        }
    }

    /// The context that errors get once the purchase is paid.
    pub fn already_sent(&self) -> AlreadySent {
        AlreadySent::purchase(self.mined.transaction, self.purchase_id)
    }
}

/// Pays, and delivers the input. From here on the keeper has what it needs.
pub async fn pay(chain: &Chain, out: Output, plan: Plan) -> anyhow::Result<Bought> {
    let Plan { agent, input, input_hash, upload_to } = plan;
    let inline = if upload_to.is_some() { Bytes::new() } else { Bytes::from(input.clone()) };
    let registry = chain.registry();
    let call =
        registry.purchase(agent.agent_id.0, agent.version, input_hash, inline).value(agent.price.0);
    let receipt = send(chain, call, &format!("buying agent {}", agent.agent_id))
        .await
        .map_err(resume_advice)?;
    let bought = Bought::in_receipt(chain.contracts.registry, &receipt)?;
    if let Some(api) = upload_to {
        upload(&api, out, bought.purchase_id, input_hash, input)
            .await
            .context(bought.already_sent())?;
    }
    Ok(bought)
}

/// Adds to a failure after the sending how the purchase is found again.
fn resume_advice(error: anyhow::Error) -> anyhow::Error {
    match (crate::failure::of(&error), error.downcast_ref::<AlreadySent>()) {
        (Some(Failure::Unconfirmed(message)), Some(sent)) => {
            let message =
                format!("{message}. `nexus buy --resume {}` goes on with it", sent.transaction);
            anyhow::Error::from(Failure::Unconfirmed(message)).context(*sent)
        }
        _ => error,
    }
}

/// Uploads the input of a paid purchase, waiting until the keeper knows of the purchase.
pub async fn upload(
    api: &Api,
    out: Output,
    id: PurchaseId,
    hash: B256,
    input: Vec<u8>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (mut pause, mut refusals, mut told) = (UPLOAD_PAUSE, 0, false);
    loop {
        let answer = api.put_input(hash, input.clone()).await;
        let is_down = answer.is_err();
        let reason = match answer {
            Ok(Upload::Taken) => return Ok(()),
            Ok(Upload::NotYet(reason)) => reason,
            Ok(Upload::Refused(reason)) => {
                refusals += 1;
                reason
            }
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > UPLOAD_TIMEOUT || refusals >= REFUSALS {
            return Err(Failure::Service(not_uploaded(id, &reason)).into());
        }
        if !told && (is_down || begun.elapsed() > SOON) {
            out.warn(format!(
                "the input of purchase {id} is not uploaded yet: {reason}; trying again for {} s",
                UPLOAD_TIMEOUT.as_secs()
            ));
            told = true;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The words for a paid purchase whose input did not get to the keeper.
pub fn not_uploaded(id: PurchaseId, reason: &str) -> String {
    format!(
        "purchase {id} is paid, but its input is not uploaded: {reason}. Do not buy again: upload \
         it with `nexus job upload {id} --input FILE`; if nobody ever takes it, `nexus refund \
         {id}` returns the money after the deadline"
    )
}

impl Report for Bought {
    fn human(&self) -> String {
        fields(&[
            ("purchase", self.purchase_id.to_string()),
            ("agent", format!("{} version {}", self.agent_id, self.version)),
            ("paid", self.escrow.to_string()),
            ("transaction", self.mined.transaction.to_string()),
            ("input hash", self.input_hash.to_string()),
            ("follow it", format!("nexus job show {} --watch", self.purchase_id)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_not_uploaded_says_exactly_what_to_do() {
        let text = not_uploaded(PurchaseId(7), "the keeper is down");
        for part in ["is paid", "the keeper is down", "Do not buy again", "nexus refund 7"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert!(text.contains("`nexus job upload 7 --input FILE`"), "{text}");
    }
}

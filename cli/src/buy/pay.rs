//! The payment, and the delivery of an input that does not fit the transaction.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use domain::ids::{AgentId, PurchaseId};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::Plan;
use crate::{
    api::{Api, Upload},
    chain::{Chain, Mined, send},
    failure::Failure,
    money::Wei,
    output::{Report, fields},
    purchases,
};

/// How long the keeper may take to learn of a purchase before it takes the input.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(90);
const UPLOAD_RETRY: Duration = Duration::from_millis(150);

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
    /// Hash of the input.
    pub input_hash: B256,
    /// The transaction.
    #[serde(flatten)]
    pub mined: Mined,
}

/// Pays, and delivers the input. From here on the keeper has what it needs.
pub async fn pay(chain: &Chain, plan: Plan) -> anyhow::Result<Bought> {
    let Plan { agent, input, input_hash, upload_to } = plan;
    let inline = if upload_to.is_some() { Bytes::new() } else { Bytes::from(input.clone()) };
    let registry = chain.registry();
    let call =
        registry.purchase(agent.agent_id.0, agent.version, input_hash, inline).value(agent.price.0);
    let receipt = send(call, &format!("buying agent {}", agent.agent_id)).await?;
    let bought = Bought {
        purchase_id: purchases::id_in(&receipt)?,
        agent_id: agent.agent_id,
        version: agent.version,
        buyer: chain.user()?,
        escrow: agent.price,
        input_hash,
        mined: Mined::from(&receipt),
    };
    if let Some(api) = upload_to {
        upload(&api, bought.purchase_id, input_hash, input).await?;
    }
    Ok(bought)
}

/// Uploads the input of a paid purchase, waiting until the keeper knows of the purchase.
pub async fn upload(api: &Api, id: PurchaseId, hash: B256, input: Vec<u8>) -> anyhow::Result<()> {
    let deadline = Instant::now() + UPLOAD_TIMEOUT;
    loop {
        let reason = match api.put_input(hash, input.clone()).await {
            Ok(Upload::Taken) => return Ok(()),
            Ok(Upload::NotYet(reason)) => reason,
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(Failure::Service(format!(
                "purchase {id} is paid, but the keeper did not take its input: {reason}. Try \
                 again with `nexus job upload {id} --input FILE`; if it never does, \
                 `nexus refund {id}` returns the money after the deadline"
            ))
            .into());
        }
        sleep(UPLOAD_RETRY).await;
    }
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

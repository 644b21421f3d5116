//! Finding a purchase again by the hash of its transaction, whatever happened after it was
//! signed.

use std::time::Duration;

use alloy::primitives::TxHash;

use super::{Bought, pay::not_uploaded, upload};
use crate::{
    api::Api,
    chain::{Chain, RECEIPT_TIMEOUT, dropped, unconfirmed},
    failure::{AlreadySent, Failure},
    outgoing::{Ended, Patience, await_receipt},
    output::Output,
};

/// How long a transaction of which there are no signed bytes is looked for.
const NOT_KEPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Finds the purchase that a transaction made. If the node has forgotten the transaction, it is
/// sent again from its kept bytes: the same bytes can be mined only once.
pub async fn find(chain: &Chain, out: Output, hash: TxHash) -> anyhow::Result<Bought> {
    let what = "looking for the purchase";
    let kept = chain.courier().find(hash);
    if let Some(other) = kept.as_ref().filter(|kept| kept.chain_id != chain.chain_id) {
        let message = format!(
            "transaction {hash} is for chain {}, but this is chain {}: give its --rpc-url and \
             --deployment",
            other.chain_id, chain.chain_id
        );
        return Err(Failure::Refused(message).into());
    }
    let allowed = if kept.is_some() { RECEIPT_TIMEOUT } else { NOT_KEPT_TIMEOUT };
    let patience = Patience::within(allowed);
    let receipt = match await_receipt(&chain.provider, hash, kept.as_ref(), out, patience).await {
        Ended::Mined(receipt) => receipt,
        Ended::Dropped => {
            chain.courier().forget(hash);
            return Err(dropped(hash, what));
        }
        Ended::NotKnown => return Err(not_known(hash)),
        Ended::Open(reason) => return Err(unconfirmed(hash, what, &reason)),
    };
    chain.courier().forget(hash);
    if !receipt.status() {
        let message = format!("transaction {hash} was mined but reverted: nothing was bought");
        return Err(Failure::Chain(message).into());
    }
    Bought::in_receipt(chain.contracts.registry, &receipt)
}

fn not_known(hash: TxHash) -> anyhow::Error {
    let message = format!(
        "the node does not know transaction {hash}, mined or waiting, and this user's state \
         folder has no signed copy to send again: it was dropped, or it is of another chain. If \
         it was sent to this chain and dropped, nothing was paid"
    );
    anyhow::Error::from(Failure::Chain(message)).context(AlreadySent::transaction(hash))
}

/// Sees to it that the keeper has the input of a purchase found again: uploads it, or says
/// exactly what is missing.
pub async fn deliver(
    api: impl FnOnce() -> anyhow::Result<Api>,
    out: Output,
    bought: &Bought,
    input: Option<Vec<u8>>,
) -> anyhow::Result<()> {
    if bought.inline {
        return Ok(());
    }
    let id = bought.purchase_id;
    let Some(input) = input else {
        let has_input = match api() {
            Ok(api) => has_input(&api, bought).await,
            Err(_) => false,
        };
        if !has_input {
            out.warn(not_uploaded(id, "no --input was given, and the keeper may lack it"));
        }
        return Ok(());
    };
    let hash = domain::hash::input_hash(&input);
    if hash != bought.input_hash {
        let message = format!(
            "purchase {id} was made for an input with the hash {}, but this one has {hash}; no \
             money was moved",
            bought.input_hash
        );
        return Err(Failure::Refused(message).into());
    }
    upload(&api()?, out, id, hash, input).await
}

/// Tells whether the keeper is past waiting for the input.
async fn has_input(api: &Api, bought: &Bought) -> bool {
    let Ok(Some(job)) = api.job(bought.purchase_id.0).await else { return false };
    let waits = matches!(job["state"].as_str(), Some("seen" | "confirmed") | None);
    bought.order().difference(&job).is_none() && !waits
}

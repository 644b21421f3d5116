//! Following a purchase to its end: live events from the keeper, the end from the chain.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::ids::PurchaseId;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    Finished, Order,
    collect::collect,
    story::{End, Story},
};
use crate::{
    api::Api,
    chain::Chain,
    failure::Failure,
    output::Output,
    patience::Hiccups,
    purchases::{self, Purchase, Status},
};

/// How often the chain is asked, beside the keeper's events.
const POLL_CHAIN: Duration = Duration::from_millis(500);
/// What the keeper's events may lag behind the chain, and the chain behind the events.
const LAST_EVENTS: Duration = Duration::from_secs(2);
/// Looks in a row that must find another order under the number before this one counts as gone.
const AGREEING: u32 = 8;

/// Shows live events until the order is settled or refunded, and fetches what it gave. Chain
/// and keeper may fail meanwhile: both are asked again until the time is over.
pub async fn follow(
    chain: &Chain,
    api: &Api,
    out: Output,
    order: Order,
    allowed: Duration,
) -> anyhow::Result<Finished> {
    let deadline = Instant::now() + allowed;
    let id = order.purchase_id;
    let order = Mutex::new(order);
    let mut story = Story::default();
    let mut hiccups = Hiccups::new(out, format!("follow purchase {id}"));
    let purchase = loop {
        let end = tokio::select! {
            end = story.stream(api, out, &order) => end,
            ended = until_ended(chain, &mut hiccups, &order) => {
                let purchase = ended?;
                // The chain was faster than the keeper's last events.
                let _ = timeout(LAST_EVENTS, story.stream(api, out, &order)).await;
                break purchase;
            }
            () = sleep_until(deadline) => return Err(late(id, allowed, hiccups.last())),
        };
        // The keeper was faster, or the settlement is reorganised away again: then go on.
        if let Ok(ended) = timeout(LAST_EVENTS, until_ended(chain, &mut hiccups, &order)).await {
            break ended?;
        }
        if end == End::Stuck
            && let Some(reason) = stuck_reason(api, &current(&order)).await
        {
            return Err(stuck(id, &reason));
        }
        if Instant::now() > deadline {
            return Err(late(id, allowed, hiccups.last()));
        }
    };
    collect(chain, api, out, purchase, story, deadline).await
}

/// The order with the deadline that the chain showed last.
pub(super) fn current(order: &Mutex<Order>) -> Order {
    order.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Waits until the chain shows that the order is settled or refunded.
async fn until_ended(
    chain: &Chain,
    hiccups: &mut Hiccups,
    order: &Mutex<Order>,
) -> anyhow::Result<Purchase> {
    let mut strangers = 0;
    loop {
        let ordered = current(order);
        match purchases::read(chain, ordered.purchase_id).await {
            Ok(purchase) if ordered.is(&purchase) => {
                hiccups.went_well();
                strangers = 0;
                order.lock().unwrap_or_else(PoisonError::into_inner).deadline = purchase.deadline;
                if purchase.status != Status::Open {
                    return Ok(purchase);
                }
            }
            Ok(_) if strangers >= AGREEING => return Err(gone(ordered.purchase_id)),
            Ok(_) => strangers += 1,
            // Also when there is no such purchase: the node may lag behind the one that mined it.
            Err(error) => hiccups.wait_after(&error).await,
        }
        sleep(POLL_CHAIN).await;
    }
}

fn gone(id: PurchaseId) -> anyhow::Error {
    Failure::Unconfirmed(format!(
        "number {id} is another purchase now: the chain was reorganised, or reverted, and the \
         purchase that was followed is not in it. Nothing of it is in escrow unless its \
         transaction is mined again, under another number: `nexus buy --resume HASH` finds it"
    ))
    .into()
}

fn late(id: PurchaseId, allowed: Duration, trouble: Option<&str>) -> anyhow::Error {
    let trouble = trouble.map(|reason| format!(" (the last look failed: {reason})"));
    Failure::TimedOut(format!(
        "purchase {id} is not settled after {} s{}; it goes on: look with `nexus job show {id}`, \
         and after its deadline `nexus refund {id}` returns the money",
        allowed.as_secs(),
        trouble.unwrap_or_default()
    ))
    .into()
}

/// The reason of a job that is stuck, unless it is of another order or goes on by now.
async fn stuck_reason(api: &Api, order: &Order) -> Option<String> {
    let job = api.job(order.purchase_id.0).await.ok().flatten()?;
    if order.difference(&job).is_some() || job["state"] != "stuck" {
        return None;
    }
    Some(job["reason"].as_str().unwrap_or("it gave no reason").to_owned())
}

fn stuck(id: PurchaseId, reason: &str) -> anyhow::Error {
    Failure::Service(format!(
        "the keeper cannot go on with purchase {id} without its operator: {reason}. Follow it \
         with `nexus job show {id} --watch`; after its deadline `nexus refund {id}` returns the \
         money"
    ))
    .into()
}

//! Following a purchase to its end: live events from the keeper, the end from the chain.

use std::time::Duration;

use alloy::primitives::keccak256;
use anyhow::Context as _;
use domain::{ids::PurchaseId, job::Kind, receipt::SignedReceipt};
use futures::StreamExt as _;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::{
    api::{Api, Event, EventKind},
    chain::Chain,
    failure::Failure,
    output::{Output, Report},
    purchases::{self, Purchase, Settlement, Status},
};

/// How long to wait before connecting again.
const RECONNECT: Duration = Duration::from_millis(200);
/// How often the chain is asked, beside the keeper's events.
const POLL_CHAIN: Duration = Duration::from_millis(500);
/// What the keeper's events may lag behind the chain.
const LAST_EVENTS: Duration = Duration::from_secs(2);
/// States after which the chain shows how a purchase ended.
const ENDS: [Kind; 2] = [Kind::Settled, Kind::Final];

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
    /// The result's bytes.
    #[serde(skip)]
    pub raw: Option<Vec<u8>>,
}

/// A state and the time it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateAt {
    /// Name of the state.
    pub state: String,
    /// Unix milliseconds.
    pub at: u64,
}

impl Finished {
    /// How the run ended, in words.
    pub fn outcome(&self) -> String {
        match (&self.receipt, self.purchase.status) {
            (Some(signed), _) => {
                format!("{} (exit code {})", signed.receipt.outcome, signed.receipt.exit_code)
            }
            (None, status) => status.words().to_owned(),
        }
    }

    /// Fails when the buyer got no result.
    pub fn must_be_ok(&self) -> anyhow::Result<()> {
        if self.purchase.status == Status::SettledOk {
            return Ok(());
        }
        Err(Failure::RunFailed(format!(
            "the run of purchase {} failed: {}. Your {} came back: they are your balance in the \
             registry, take them out with `nexus withdraw`",
            self.purchase.purchase_id,
            self.outcome(),
            self.purchase.escrow
        ))
        .into())
    }
}

/// Shows live events until the purchase is settled or refunded, and fetches what it gave.
pub async fn follow(
    chain: &Chain,
    api: &Api,
    out: Output,
    id: PurchaseId,
    allowed: Duration,
) -> anyhow::Result<Finished> {
    let deadline = Instant::now() + allowed;
    let mut story = Story::default();
    let ended = {
        let live = story.stream(api, out, id);
        tokio::pin!(live);
        tokio::select! {
            end = &mut live => match end {
                End::Settled => true,
                End::Stuck => return Err(stuck(api, id).await),
            },
            settled = until_settled(chain, id) => {
                settled?;
                // The chain was faster than the keeper's last events.
                let _ = timeout(LAST_EVENTS, live).await;
                true
            }
            () = sleep_until(deadline) => false,
        }
    };
    let purchase = if ended {
        match timeout_at(deadline.max(Instant::now() + LAST_EVENTS), until_settled(chain, id)).await
        {
            Ok(purchase) => purchase?,
            Err(_) => return Err(late(id, allowed)),
        }
    } else {
        return Err(late(id, allowed));
    };
    collect(chain, api, purchase, story).await
}

/// Where a keeper's events lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The chain shows how it ended.
    Settled,
    /// The keeper waits for its operator.
    Stuck,
}

#[derive(Debug, Default)]
struct Story {
    cursor: u64,
    states: Vec<StateAt>,
    log: Vec<String>,
}

impl Story {
    /// Reads events until the keeper has nothing more to do, going on after lost connections.
    async fn stream(&mut self, api: &Api, out: Output, id: PurchaseId) -> End {
        loop {
            let closed = self.connection(api, out, id).await.is_ok();
            if self.ended() {
                return End::Settled;
            }
            if closed && self.is(Kind::Stuck) {
                return End::Stuck;
            }
            sleep(RECONNECT).await;
        }
    }

    /// One connection, until the end of the job or of the connection.
    async fn connection(&mut self, api: &Api, out: Output, id: PurchaseId) -> anyhow::Result<()> {
        let mut events = api.events(id.0, self.cursor).await?;
        while let Some(event) = events.next().await {
            self.take(event?, out);
            if self.ended() {
                break;
            }
        }
        Ok(())
    }

    fn is(&self, kind: Kind) -> bool {
        self.states.last().is_some_and(|last| last.state == kind.name())
    }

    fn ended(&self) -> bool {
        ENDS.iter().any(|end| self.is(*end))
    }

    fn take(&mut self, event: Event, out: Output) {
        if event.cursor <= self.cursor && self.cursor != 0 {
            return;
        }
        self.cursor = event.cursor;
        match event.what {
            EventKind::State { state } => {
                out.component("keeper", &format!("job is {state}"));
                self.states.push(StateAt { state, at: event.at });
            }
            EventKind::Log { line } => {
                out.component("agent", &line);
                self.log.push(line);
            }
            EventKind::Other => {}
        }
    }
}

/// Waits until the chain shows that the purchase is settled or refunded.
async fn until_settled(chain: &Chain, id: PurchaseId) -> anyhow::Result<Purchase> {
    loop {
        let purchase = purchases::read(chain, id).await?;
        if purchase.status != Status::Open {
            return Ok(purchase);
        }
        sleep(POLL_CHAIN).await;
    }
}

fn late(id: PurchaseId, allowed: Duration) -> anyhow::Error {
    Failure::TimedOut(format!(
        "purchase {id} is not settled after {} s; it goes on: look with `nexus job show {id}`, \
         and after its deadline `nexus refund {id}` returns the money",
        allowed.as_secs()
    ))
    .into()
}

async fn stuck(api: &Api, id: PurchaseId) -> anyhow::Error {
    let job = api.job(id.0).await.ok().flatten().unwrap_or_default();
    let reason = job["reason"].as_str().unwrap_or("it gave no reason");
    Failure::Service(format!(
        "the keeper cannot go on with purchase {id} without its operator: {reason}. Follow it \
         with `nexus job show {id} --watch`; after its deadline `nexus refund {id}` returns the \
         money"
    ))
    .into()
}

async fn collect(
    chain: &Chain,
    api: &Api,
    purchase: Purchase,
    story: Story,
) -> anyhow::Result<Finished> {
    let id = purchase.purchase_id;
    let settlement = purchases::settlement(chain, id).await?;
    let receipt = match &settlement {
        Some(_) => api.receipt(id.0).await?.map(|bytes| serde_json::from_slice(&bytes)).transpose(),
        None => Ok(None),
    }
    .context("the keeper's receipt is not what this program expects")?;
    let raw = match &settlement {
        Some(settlement) if settlement.ok => Some(result(api, id, settlement).await?),
        _ => None,
    };
    Ok(Finished {
        result: raw.as_ref().and_then(|bytes| String::from_utf8(bytes.clone()).ok()),
        result_bytes: raw.as_ref().map(Vec::len),
        states: story.states,
        log: story.log,
        purchase,
        settlement,
        receipt,
        raw,
    })
}

/// The result, compared with the hash that the registry settled.
async fn result(api: &Api, id: PurchaseId, settlement: &Settlement) -> anyhow::Result<Vec<u8>> {
    let bytes = api.result(id.0).await?.ok_or_else(|| {
        Failure::Service(format!("purchase {id} is settled, but the keeper has no result for it"))
    })?;
    let found = keccak256(&bytes);
    if found != settlement.result_hash {
        return Err(Failure::Unverified(format!(
            "the result that the keeper gave for purchase {id} has the hash {found}, but {} was \
             settled: do not trust it",
            settlement.result_hash
        ))
        .into());
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn story(events: &[(u64, &str)]) -> Story {
        let mut story = Story::default();
        for (cursor, state) in events {
            let what = EventKind::State { state: (*state).to_owned() };
            story.take(Event { cursor: *cursor, at: *cursor, what }, Output::new(false, true));
        }
        story
    }

    #[test]
    fn only_the_last_state_decides() {
        assert!(story(&[(1, "seen"), (2, "sent"), (3, "settled")]).ended());
        assert!(story(&[(1, "settled"), (2, "final")]).ended());
        assert!(!story(&[(1, "settled"), (2, "sent")]).ended(), "a settlement was reorganised");
        assert!(story(&[(1, "running"), (2, "stuck")]).is(Kind::Stuck));
        assert!(!story(&[(1, "stuck"), (2, "running")]).is(Kind::Stuck), "tried again");
    }

    #[test]
    fn events_that_come_twice_after_a_lost_connection_count_once() {
        let story = story(&[(1, "seen"), (2, "running"), (1, "seen"), (2, "running")]);
        assert_eq!(story.states.len(), 2);
        assert_eq!(story.cursor, 2);
    }
}

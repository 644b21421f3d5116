//! The demo's failing run: an agent that exits with an error, the refund, the withdrawal.

use anyhow::Context as _;

use super::{Demo, FailedRun, ledger};
use crate::{commands::funds::withdraw_to, failure::Failure, purchases::Status};

/// The fixture that always fails, and what it is given.
const AGENT: &str = "exit-nonzero";
const INPUT: &[u8] = b"This run is meant to fail.\n";

/// Buys a run that fails and shows that it cost the buyer nothing but gas.
pub(super) async fn run(demo: &Demo) -> anyhow::Result<FailedRun> {
    let published = demo.publish(&demo.fixtures.agent(AGENT)?).await?;
    let buyer = demo.chain("buyer").await?;
    let before = ledger::snapshot(&buyer, &demo.parties).await?;
    let bought = demo.buy(&buyer, published.agent_id, INPUT.to_vec()).await?;
    let finished = demo.follow(&buyer, &bought).await?;
    if finished.purchase.status != Status::SettledFailed {
        let status = finished.purchase.status.words();
        return Err(Failure::Unverified(format!(
            "the agent {AGENT} was to fail, but its purchase is {status}"
        ))
        .into());
    }
    demo.out.note(format!("The run failed: {}", finished.outcome()));
    demo.show_settlement(&finished);
    let verification = demo.verify(&buyer, &finished, INPUT).await?;
    let withdrawn = withdraw_to(&buyer, buyer.user()?).await.context("taking the refund out")?;
    if withdrawn.amount != bought.escrow {
        return Err(Failure::Unverified(format!(
            "{} were paid, but {} came back",
            bought.escrow, withdrawn.amount
        ))
        .into());
    }
    demo.out.note(format!(
        "Refunded in the settlement, and withdrawn by the buyer: {}, transaction {}",
        withdrawn.amount, withdrawn.mined.transaction
    ));
    let after = ledger::snapshot(&buyer, &demo.parties).await?;
    let ledger = ledger::compare(&buyer, &demo.parties, &before, &after).await?;
    demo.out.note(ledger.story());
    Ok(FailedRun {
        agent: published,
        purchase: bought,
        run: finished,
        verification,
        withdrawn,
        ledger,
    })
}

//! The whole product once: the steps of `nexus demo`, and the facts they leave.

mod fault;
pub mod ledger;
mod report;

pub use report::{DemoReport, FailedRun};

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy::primitives::utils::parse_ether;
use anyhow::Context as _;
use bindings::AgentRegistry::Listing;
use domain::{ids::AgentId, manifest::Manifest};

use crate::{
    buy::{self, Bought, Finished},
    chain::Chain,
    context::Context,
    failure::Failure,
    fixtures::{Fixture, Fixtures},
    images,
    keys::KeyArgs,
    money,
    output::{Output, Report as _},
    publish::{Published, publish},
    receipts::{self, Evidence, Verification},
    stack::{self, Network, StackOptions},
};
use ledger::Party;

/// Price of a run in the demo, ether.
const PRICE: &str = "0.01";
/// How long a purchase may take to be settled.
const PATIENCE: Duration = Duration::from_secs(180);

/// What to show.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The text to summarise; the shipped one by default.
    pub file: Option<PathBuf>,
    /// Root of the project's sources; found from the current folder by default.
    pub root: Option<PathBuf>,
}

/// Everything the steps share.
struct Demo {
    out: Output,
    context: Context,
    fixtures: Fixtures,
    parties: Vec<Party>,
}

/// Runs every step; an error means that a step did not happen. The network is stopped
/// in any case.
pub async fn run(out: Output, options: DemoOptions) -> anyhow::Result<DemoReport> {
    let begun = Instant::now();
    let fixtures = Fixtures::find(options.root.as_deref())?;
    let summarize = fixtures.agent("summarize")?;
    let input = input(out, &options, &fixtures, &summarize.manifest)?;

    out.step(1, "Chain, contracts, signer and keeper");
    let network = StackOptions { root: Some(fixtures.root().to_owned()), ..Default::default() };
    let mut report = stack::run(out, network, async |network| {
        let demo = Demo {
            out,
            context: Context::of(out, network.ready.clone()),
            parties: parties(&network)?,
            fixtures,
        };
        demo.steps(&summarize, input, network).await
    })
    .await?;
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// The text, checked before anything is started.
fn input(
    out: Output,
    options: &DemoOptions,
    fixtures: &Fixtures,
    manifest: &Manifest,
) -> anyhow::Result<Vec<u8>> {
    let path = options.file.clone().map_or_else(|| fixtures.text(), Ok)?;
    let bytes = buy::read_input(&path)?;
    buy::check_input(manifest, &bytes).with_context(|| path.display().to_string())?;
    out.note(format!("Input: {} ({} bytes)", path.display(), bytes.len()));
    Ok(bytes)
}

fn parties(network: &Network) -> anyhow::Result<Vec<Party>> {
    let ready = &network.ready;
    let account = |role| {
        ready.account(role).map(|a| a.address).with_context(|| format!("no dev account {role}"))
    };
    let keeper = ready.contracts.keeper_account.context("the network has no keeper account")?;
    Ok(vec![
        Party { name: "buyer", address: account("buyer")? },
        Party { name: "publisher's payee", address: account("payee")? },
        Party { name: "keeper account", address: keeper },
        Party { name: "keeper's bundler", address: network.facts.operator.bundler },
        Party { name: "protocol owner", address: account("protocol")? },
        Party { name: "registry", address: ready.contracts.registry },
        Party { name: "EntryPoint deposits", address: ready.contracts.entry_point },
    ])
}

impl Demo {
    async fn steps(
        &self,
        agent: &Fixture,
        input: Vec<u8>,
        network: Network,
    ) -> anyhow::Result<DemoReport> {
        let out = self.out;
        out.step(2, "Build the agent's image and list it for sale");
        let published = self.publish(agent).await?;

        out.step(3, "Buy a run");
        let buyer = self.chain("buyer").await?;
        let before = ledger::snapshot(&buyer, &self.parties).await?;
        let bought = self.buy(&buyer, published.agent_id, input.clone()).await?;

        out.step(4, "The keeper runs the agent and settles");
        let finished = self.follow(&buyer, &bought).await?;
        finished.must_be_ok()?;
        self.show_settlement(&finished);

        out.step(5, "Verify the receipt");
        let verification = self.verify(&buyer, &finished, &input).await?;

        out.step(6, "Where every wei went");
        let after = ledger::snapshot(&buyer, &self.parties).await?;
        let ledger = ledger::compare(&buyer, &self.parties, &before, &after).await?;
        out.note(ledger.story());

        out.step(7, "A run that fails: the buyer gets the money back");
        let failed_run = fault::run(self).await?;
        Ok(DemoReport {
            ok: true,
            seconds: 0.0,
            network: network.facts,
            agent: published,
            purchase: bought,
            run: finished,
            verification,
            ledger,
            failed_run,
        })
    }

    async fn chain(&self, role: &str) -> anyhow::Result<Chain> {
        let keys = KeyArgs { account: Some(format!("dev:{role}")), ..KeyArgs::default() };
        self.context.writer(&keys).await
    }

    async fn publish(&self, agent: &Fixture) -> anyhow::Result<Published> {
        let image = images::build(&agent.program, &agent.manifest).await?;
        self.out.note(format!("Image of {}: {image}", agent.manifest.name));
        let payee = self.context.ready().and_then(|ready| ready.account("payee"));
        let listing = Listing {
            payee: payee.context("no dev account payee")?.address,
            price: money::to_u96(parse_ether(PRICE)?).context("the price is too large")?,
            maxSeconds: agent.manifest.limits.seconds,
            imageDigest: image.0,
        };
        let published =
            publish(&self.chain("publisher").await?, &agent.manifest, listing, None).await?;
        self.out.note(format!(
            "Listed: agent {} version {} for {}, transaction {}",
            published.agent_id, published.version, published.price, published.mined.transaction
        ));
        Ok(published)
    }

    async fn buy(&self, buyer: &Chain, agent: AgentId, input: Vec<u8>) -> anyhow::Result<Bought> {
        let plan = buy::plan(buyer, || self.context.api(), agent, input, None).await?;
        let how = if plan.upload_to.is_some() { "by hash, bytes to the keeper" } else { "inline" };
        let bought = buy::pay(buyer, self.out, plan).await?;
        self.out.note(format!(
            "Bought: purchase {} for {} (input {how}), transaction {}",
            bought.purchase_id, bought.escrow, bought.mined.transaction
        ));
        Ok(bought)
    }

    async fn follow(&self, chain: &Chain, bought: &Bought) -> anyhow::Result<Finished> {
        let api = self.context.api()?;
        buy::follow(chain, &api, self.out, bought.order(), PATIENCE).await
    }

    fn show_settlement(&self, finished: &Finished) {
        if let Some(settlement) = &finished.settlement {
            self.out.note(settlement.human());
        }
    }

    async fn verify(
        &self,
        chain: &Chain,
        finished: &Finished,
        input: &[u8],
    ) -> anyhow::Result<Verification> {
        let id = finished.purchase.purchase_id;
        let signed = finished
            .receipt
            .as_ref()
            .with_context(|| format!("the keeper gave no receipt of purchase {id}"))?;
        let evidence =
            Evidence { input: Some(input), result: finished.raw.as_deref(), signer: None };
        let verification = receipts::verify(signed, evidence, Some(chain)).await?;
        if verification.verified {
            self.out.note(format!(
                "{} comparisons hold; signed by {}",
                verification.checks.len(),
                verification.signer.unwrap_or_default()
            ));
            return Ok(verification);
        }
        self.out.note(verification.human());
        Err(Failure::Unverified(format!("the receipt of purchase {id} does not hold")).into())
    }
}

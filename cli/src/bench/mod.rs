//! The benchmark: how long from paying to being settled, and what a plain container takes.

mod plain;
mod stats;

pub use stats::{BenchReport, Sample, Spread};

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::primitives::{U256, aliases::U96};
use anyhow::Context as _;
use bindings::AgentRegistry::Listing;
use domain::{
    ids::{AgentId, ImageDigest},
    job::Kind,
};

use crate::{
    buy::{self, Finished},
    chain::Chain,
    context::Context,
    fixtures::Fixtures,
    images,
    keys::KeyArgs,
    output::Output,
    publish::publish,
    stack::{self, StackOptions},
};

/// Price of a run, wei.
const PRICE: u64 = 1_000_000_000_000;
/// How long one purchase may take to be settled.
const PATIENCE: Duration = Duration::from_secs(180);

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Purchases, one after the other.
    pub runs: u32,
    /// Input of every run; the shipped text by default.
    pub file: Option<PathBuf>,
    /// Root of the project's sources; found from the current folder by default.
    pub root: Option<PathBuf>,
}

/// Starts a network, measures, stops the network.
pub async fn run(out: Output, options: BenchOptions) -> anyhow::Result<BenchReport> {
    let fixtures = Fixtures::find(options.root.as_deref())?;
    let agent = fixtures.agent("summarize")?;
    let path = options.file.clone().map_or_else(|| fixtures.text(), Ok)?;
    let input = buy::read_input(&path)?;
    buy::check_input(&agent.manifest, &input).with_context(|| path.display().to_string())?;

    let network = StackOptions { root: Some(fixtures.root().to_owned()), ..Default::default() };
    stack::run(out, network, async |network| {
        let context = Context::of(out, network.ready);
        let image = images::build(&agent.program, &agent.manifest).await?;
        let bench = Bench { out, context, image, input };
        bench.measure(&agent.manifest, options.runs).await
    })
    .await
}

struct Bench {
    out: Output,
    context: Context,
    image: ImageDigest,
    input: Vec<u8>,
}

impl Bench {
    async fn measure(
        &self,
        manifest: &domain::manifest::Manifest,
        runs: u32,
    ) -> anyhow::Result<BenchReport> {
        let publisher = self.chain("publisher").await?;
        let listing = Listing {
            payee: publisher.user()?,
            price: U96::from(PRICE),
            maxSeconds: manifest.limits.seconds,
            imageDigest: self.image.0,
        };
        let agent = publish(&publisher, manifest, listing, None).await?.agent_id;
        let buyer = self.chain("buyer").await?;
        self.out.note("Warming up: one purchase and one plain container, not counted");
        self.purchase(&buyer, agent).await?;
        plain::run(self.image, &self.input).await?;
        let mut samples = Vec::new();
        let mut plain_millis = Vec::new();
        for number in 1..=runs {
            let sample = self.purchase(&buyer, agent).await?;
            let plain = plain::run(self.image, &self.input).await?;
            self.out.note(format!(
                "run {number:>3} of {runs}: settled after {} ms (seen {}, start {}, container {}, \
                 settle {}); plain container {plain} ms",
                sample.total, sample.seen, sample.start, sample.container, sample.settle
            ));
            samples.push(sample);
            plain_millis.push(plain);
        }
        BenchReport::new(self.input.len(), &samples, &plain_millis)
    }

    async fn chain(&self, role: &str) -> anyhow::Result<Chain> {
        let keys = KeyArgs { account: Some(format!("dev:{role}")), ..KeyArgs::default() };
        self.context.writer(&keys).await
    }

    async fn purchase(&self, buyer: &Chain, agent: AgentId) -> anyhow::Result<Sample> {
        let input = self.input.clone();
        let price = Some(U256::from(PRICE));
        let plan = buy::plan(buyer, || self.context.api(), agent, input, price).await?;
        let sent = unix_millis()?;
        let bought = buy::pay(buyer, self.out, plan).await?;
        let quiet = Output::new(false, true);
        let api = self.context.api()?;
        let finished = buy::follow(buyer, &api, quiet, bought.order(), PATIENCE).await?;
        finished.must_be_ok()?;
        sample(sent, &finished)
    }
}

/// Splits a run by the times at which the keeper entered its states.
fn sample(sent: u64, finished: &Finished) -> anyhow::Result<Sample> {
    let at = |kind: Kind| {
        let state = finished.states.iter().find(|state| state.state == kind.name());
        state.map(|state| state.at).with_context(|| {
            format!("the keeper's events of purchase {} lack {kind}", finished.purchase.purchase_id)
        })
    };
    let (seen, running) = (at(Kind::Seen)?, at(Kind::Running)?);
    let (produced, settled) = (at(Kind::Produced)?, at(Kind::Settled)?);
    Ok(Sample {
        total: settled.saturating_sub(sent),
        seen: seen.saturating_sub(sent),
        start: running.saturating_sub(seen),
        container: produced.saturating_sub(running),
        settle: settled.saturating_sub(produced),
    })
}

fn unix_millis() -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(now.as_millis().try_into()?)
}

//! The one task that bundles and sends.
//!
//! ```text
//! bundle ─┬─ believe   the next nonce: judges what was mined, heals what left the chain
//!         └─┬─ deliver    open bundles to the node, by nonce; judges those mined at once
//!           └─ assemble   new bundles on the nonces that follow, stored, then signed
//! ```
//!
//! Bundles do not wait for each other: up to [`WINDOW`] of them are under way on consecutive
//! nonces. Outcomes of one: *mined* (its operations are judged), *replaced* for higher fees while
//! it stalls, *shelved* (its operations travel otherwise: its nonce was out of reach, or the
//! chain went back), *closed* (deep enough, or its nonce was used by somebody else).

use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use alloy::eips::BlockId;
use alloy::providers::Provider;
use domain::job::{Effect, Kind};
use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::assemble::{self, Plan};
use super::fees::{self, Tip};
use super::follow::{self, SentLog};
use super::judge;
use super::nonce::{NonceWatch, free_nonces};
use super::rests::Rests;
use crate::backoff::Backoff;
use crate::chain::Doing;
use crate::pipeline::{Context, Trouble};
use crate::store::{Ledger, StoredBundle};
use crate::waits::{Wait, WaitOn};

/// How often a mined bundle's depth is looked at when nothing else happens.
const IDLE: Duration = Duration::from_secs(5);
/// Pause while operations wait that cannot travel now.
const RESTING: Duration = Duration::from_secs(1);
/// Bundles under way at once; nodes keep at least so many transactions of one sender.
const WINDOW: u64 = 16;
/// Bundles that are made together, while others are delivered.
const NEW: usize = 4;
/// Bundles whose receipts are read at once.
const LOOKS: usize = 4;

/// What one round found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Something moved: look again at once.
    Again,
    /// A bundle is with the node: look again soon.
    Pending,
    /// Operations wait for something outside: look again after a while.
    Resting,
    /// Nothing to do until something changes.
    Idle,
}

/// Bundles and sends until told to stop. Being one task, it uses the bundler's nonces in order.
pub async fn bundle(context: Context, stop: CancellationToken) {
    fees::compare_caps(&context);
    let most = AtomicUsize::new(context.config.settle.max_batch);
    let (sent, rests, nonces) = (SentLog::default(), Rests::default(), NonceWatch::default());
    let mut bundler = Bundler { context, sent, rests, nonces, most };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = bundler.round() => round,
        };
        let pause = match round {
            Ok(round) => {
                backoff.reset();
                match round {
                    Round::Again => continue,
                    Round::Pending => bundler.context.config.chain.poll_interval(),
                    Round::Resting => RESTING,
                    Round::Idle => IDLE,
                }
            }
            Err(trouble) => {
                complain(&bundler.context, &trouble).await;
                backoff.pause()
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = bundler.context.bell.notified(), if pause == IDLE || pause == RESTING => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Bundler {
    context: Context,
    sent: SentLog,
    rests: Rests,
    nonces: NonceWatch,
    /// Operations in one bundle; lowered while the signer finds bundles too large.
    most: AtomicUsize,
}

/// What a round may rest on.
enum Belief {
    /// The next nonce on the chain.
    Next(u64),
    /// The store was brought in line with the chain: read it again.
    Changed,
    /// The node says what nothing explains, so far.
    Doubt,
}

impl Bundler {
    async fn round(&mut self) -> Result<Round, Trouble> {
        let ledger = self.context.store.ledger().await?;
        metrics::gauge!("nexus_keeper_bundles_open").set(ledger.open.len() as f64);
        judge::tend_mined(&self.context, &ledger.mined).await?;
        let waiting = self.context.store.versions_in(Kind::Signed).await?;
        if ledger.open.is_empty() && waiting.is_empty() {
            return Ok(Round::Idle);
        }
        let tip = fees::tip(&self.context.chain).await?;
        let belief = self.believe(&ledger, tip).await?;
        let nonces = match belief {
            Belief::Changed => return Ok(Round::Again),
            Belief::Doubt => Vec::new(),
            // The signer does not answer, or does not want to: one nonce is enough to try.
            Belief::Next(_) if ledger.open.iter().any(|open| open.txs.is_empty()) => Vec::new(),
            Belief::Next(next) => free_nonces(next, WINDOW, WINDOW as usize, &ledger),
        };
        let plan = Plan { tip, nonces, ledger: &ledger, made: Vec::new(), waiting };
        let delivered = CancellationToken::new();
        let deliver = async {
            let _done = delivered.clone().drop_guard();
            follow::deliver(&self.context, &ledger, tip, &self.sent, &self.most).await
        };
        let assemble = async {
            match belief {
                Belief::Next(_) => self.assemble(plan, &delivered).await,
                Belief::Changed | Belief::Doubt => Ok(false),
            }
        };
        let (delivered, assembled) = tokio::join!(deliver, assemble);
        Ok(match (delivered?, assembled?) {
            (false, false) if ledger.open.is_empty() => Round::Resting,
            (false, false) => Round::Pending,
            _ => Round::Again,
        })
    }

    /// Makes new bundles while others are `delivered`, until that is done.
    async fn assemble(
        &self,
        mut plan: Plan<'_>,
        delivered: &CancellationToken,
    ) -> Result<bool, Trouble> {
        let Self { context, rests, most, .. } = self;
        while !plan.nonces.is_empty() {
            let made = assemble::assemble(context, &mut plan, rests, most, NEW).await?;
            if delivered.is_cancelled() {
                break;
            }
            if !made {
                tokio::select! {
                    () = delivered.cancelled() => break,
                    () = context.bell.notified() => {}
                }
            }
        }
        Ok(!plan.made.is_empty())
    }

    /// Finds the next nonce, and brings the store in line with what the chain shows.
    async fn believe(&mut self, ledger: &Ledger, tip: Tip) -> Result<Belief, Trouble> {
        let context = self.context.clone();
        let count = context.chain.provider.get_transaction_count(context.bundler);
        let count = count.block_id(BlockId::hash(tip.block.hash)).await;
        let count = count.doing("asking for the bundler's nonce")?;
        let (judged, unexplained) = passed(&context, ledger, count).await?;
        if judged || judge::reopen_removed(&context, &ledger.mined, count).await? {
            return Ok(Belief::Changed);
        }
        if self.nonces.expects(count, ledger) && unexplained.is_empty() {
            self.nonces.accept(count);
            show_doubt(false);
        } else if self.is_behind(ledger, tip, count).await?
            || !self.nonces.persists(count, tip.block.number, Instant::now())
        {
            show_doubt(true);
            note_doubt(&context, ledger, count).await?;
            return Ok(Belief::Doubt);
        } else {
            tracing::warn!(count, used = ledger.used, "the bundler's nonce is another than stored");
            for bundle in unexplained {
                judge::give_up_nonce(&context, bundle).await?;
            }
            context.store.shelve_used_from(count).await?;
            return Ok(Belief::Changed);
        }
        if ledger.shelved.iter().any(|bundle| bundle.nonce < count) {
            context.store.close_shelved_below(count).await?;
            return Ok(Belief::Changed);
        }
        fill_gap(&context, ledger, count).await
    }

    /// Whether the node merely has not come as far as the blocks that were taken in.
    async fn is_behind(&self, ledger: &Ledger, tip: Tip, count: u64) -> Result<bool, Trouble> {
        if ledger.used.is_none_or(|used| used < count) {
            return Ok(false);
        }
        let blocks = self.context.store.blocks().await?;
        let newest = blocks.first().map_or(0, |block| block.number);
        Ok(tip.block.number < newest && blocks.contains(&tip.block))
    }
}

/// Judges the open bundles whose nonce is used; gives whether there were any, and those of which
/// no transaction is mined.
async fn passed<'a>(
    context: &Context,
    ledger: &'a Ledger,
    count: u64,
) -> Result<(bool, Vec<&'a StoredBundle>), Trouble> {
    let passed = ledger.open.iter().filter(|bundle| bundle.nonce < count);
    let looks: Vec<_> = passed.map(|bundle| look(context, bundle)).collect();
    let looked: Vec<_> = stream::iter(looks).buffered(LOOKS).try_collect().await?;
    let judged = looked.iter().any(|(_, mined)| *mined);
    let unexplained = looked.into_iter().filter(|(_, mined)| !mined).map(|(bundle, _)| bundle);
    Ok((judged, unexplained.collect()))
}

async fn look<'a>(
    context: &Context,
    bundle: &'a StoredBundle,
) -> Result<(&'a StoredBundle, bool), Trouble> {
    Ok((bundle, judge::judge_if_mined(context, bundle, &bundle.txs).await?))
}

/// Bundles above a nonce that none of ours will use wait for ever: their operations go into new
/// ones from there on, while they themselves stay stored until their nonces are reached.
async fn fill_gap(context: &Context, ledger: &Ledger, count: u64) -> Result<Belief, Trouble> {
    let lowest = free_nonces(count, u64::MAX, 1, ledger).first().copied().unwrap_or(count);
    let beyond: Vec<_> = ledger.open.iter().filter(|bundle| bundle.nonce > lowest).collect();
    if beyond.is_empty() {
        return Ok(Belief::Next(count));
    }
    metrics::counter!("nexus_keeper_nonce_gaps_total").increment(1);
    tracing::warn!(
        nonce = lowest,
        bundles = beyond.len(),
        "no bundle has that nonce: it is filled"
    );
    for bundle in beyond {
        context.store.shelve_bundle(bundle.id).await?;
    }
    Ok(Belief::Changed)
}

fn show_doubt(doubt: bool) {
    metrics::gauge!("nexus_keeper_nonce_doubt").set(if doubt { 1.0 } else { 0.0 });
}

async fn note_doubt(context: &Context, ledger: &Ledger, count: u64) -> Result<(), Trouble> {
    let next = ledger.used.map_or(0, |nonce| nonce.saturating_add(1));
    let reason = format!(
        "the node says that the next nonce of {} is {count}, by the keeper's bundles it is at least {next}",
        context.bundler
    );
    let help = "nothing: it is asked again and believed if it persists";
    Ok(follow::note_everybody(context, &Wait::new(WaitOn::Nonce, reason, help)).await?)
}

async fn complain(context: &Context, trouble: &Trouble) {
    if trouble.is_outdated() {
        return;
    }
    if let Err(error) = follow::note_everybody(context, &trouble.to_wait()).await {
        tracing::debug!(%error, "the waits cannot be noted");
    }
    trouble.note(&context.health, Effect::Bundle);
    if trouble.is_retryable() {
        tracing::debug!(%trouble, "bundling tries again");
    } else {
        tracing::error!(%trouble, "bundling needs the operator");
    }
}

//! Phase 7: signed operations into stored and signed bundles, several at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::job::{Event, State};
use domain::userop::PackedUserOperation;
use futures::{StreamExt, TryStreamExt, stream};

use super::fees::{self, Offer, Tip};
use super::funds::Purse;
use super::rests::Rests;
use super::weigh::{self, Weighed};
use super::{follow, sign};
use crate::chain::{Shown, Standing};
use crate::pipeline::{Context, Trouble};
use crate::store::{
    BundleStatus, Commit, Fees, JobRow, Ledger, NewBundle, StoredBundle, now_millis,
};
use crate::waits::{Wait, WaitOn};

/// Questions about jobs that are under way at once.
const LOOKS: usize = 16;
/// Bundles that are tried out at once.
const TRIALS: usize = 2;

/// An operation on its way into a bundle.
pub(super) struct Candidate {
    pub row: JobRow,
    pub op: PackedUserOperation,
}

/// The round in which new bundles are made.
pub(super) struct Plan<'a> {
    /// The newest block.
    pub tip: Tip,
    /// Nonces for new bundles.
    pub nonces: Vec<u64>,
    /// The bundles at the beginning of the round.
    pub ledger: &'a Ledger,
    /// Those that were made in it.
    pub made: Vec<StoredBundle>,
    /// All jobs whose operation waits, with their versions.
    pub waiting: Vec<(u64, u64)>,
}

impl Plan<'_> {
    /// All bundles under way.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &StoredBundle> {
        self.ledger.open.iter().chain(&self.made)
    }

    /// Notes that all waiting jobs wait, but those that rest for a reason of their own.
    fn note(&self, context: &Context, rests: &Rests, wait: &Wait) {
        let resting = rests.resting();
        for (job, version) in self.waiting.iter().filter(|(job, _)| !resting.contains(job)) {
            context.waits.note(*job, *version, wait.clone());
        }
    }
}

/// Makes, stores and signs up to `most_new` bundles of waiting operations; false when none can go
/// now.
///
/// While others are under way only full bundles are made: what waits fills the next one.
pub(super) async fn assemble(
    context: &Context,
    plan: &mut Plan<'_>,
    rests: &Rests,
    size: &AtomicUsize,
    most_new: usize,
) -> Result<bool, Trouble> {
    let most = size.load(Ordering::Relaxed);
    let (limit, under_way) = (plan.nonces.len().min(most_new) * most, plan.under_way().count());
    if let Some(wait) = fees::too_dear(context, plan.tip.base_fee) {
        plan.note(context, rests, &wait);
        return Ok(false);
    }
    let rows = context.store.waiting_to_travel(limit, rests.resting()).await?;
    if under_way > 0 && rows.len() < most {
        let reason = format!("a place in a bundle; {under_way} are under way");
        plan.note(context, rests, &Wait::new(WaitOn::Inclusion, reason, "nothing"));
        return Ok(false);
    }
    let candidates = candidates(context, rows, plan.tip, rests).await?;
    let mut groups = weigh::group(context, candidates, most);
    if under_way > 0 || groups.len() > 1 {
        groups.retain(|group| group.full);
    }
    if groups.is_empty() {
        return Ok(false);
    }
    let groups = groups.into_iter().map(|group| group.candidates);
    let trials: Vec<_> = groups.map(|group| weigh::weigh(context, group, rests)).collect();
    let weighed: Vec<Option<Weighed>> = stream::iter(trials).buffered(TRIALS).try_collect().await?;
    let purse = Purse::read(context, plan).await?;
    let made = plan.made.len();
    let mut launch = Launch { context, plan, purse, size };
    for weighed in weighed.into_iter().flatten() {
        if !launch.bundle(weighed, rests).await? {
            break;
        }
    }
    Ok(plan.made.len() > made)
}

/// Notes that jobs wait.
pub(super) fn note_all<'a>(
    context: &Context,
    rows: impl IntoIterator<Item = &'a JobRow>,
    wait: &Wait,
) {
    for row in rows {
        context.waits.note(row.id, row.version, wait.clone());
    }
}

/// Asks the chain about each waiting operation; those still open go on, the others are moved.
async fn candidates(
    context: &Context,
    rows: Vec<JobRow>,
    tip: Tip,
    rests: &Rests,
) -> Result<Vec<Candidate>, Trouble> {
    let looks: Vec<_> = rows.into_iter().map(|row| look(context, row, tip)).collect();
    let looked: Vec<_> = stream::iter(looks).buffered(LOOKS).try_collect().await?;
    let (mut candidates, mut moves) = (Vec::new(), Vec::new());
    for (row, standing) in looked {
        let State::Signed(signed) = &row.state else { continue };
        let op = signed.op.clone();
        let event = match standing {
            // Accounts that offer less than the base fee would make the bundler pay.
            Standing::Open { .. } if op.max_fee_per_gas() < tip.base_fee => Event::Repriced,
            Standing::Open { .. } => {
                candidates.push(Candidate { row, op });
                continue;
            }
            Standing::Settled(found) => Event::Settled(*found),
            Standing::Refunded => Event::Refunded,
            Standing::Missing | Standing::Other => {
                let reason = format!("the purchase {} is being reorganised", row.id);
                let wait = Wait::new(WaitOn::Node, reason, "nothing: it is tried again");
                context.waits.note(row.id, row.version, wait);
                rests.begin(row.id);
                continue;
            }
        };
        moves.push(Commit::new(&row, event));
    }
    move_jobs(context, moves).await?;
    Ok(candidates)
}

/// Whether the nonce fits as well shows when the bundle is tried out.
async fn look(context: &Context, row: JobRow, tip: Tip) -> Result<(JobRow, Standing), Trouble> {
    let State::Signed(signed) = &row.state else { return Ok((row, Standing::Missing)) };
    let sequence = signed.op.nonce.as_limbs()[0];
    let (chain, purchase) = (&context.chain, row.state.purchase());
    let standing = match chain.shown(purchase, tip.block).await? {
        Shown::Open => Standing::Open { sequence },
        Shown::Missing => Standing::Missing,
        Shown::Other => Standing::Other,
        Shown::Settled | Shown::Refunded => chain.standing(purchase, tip.block).await?,
    };
    Ok((row, standing))
}

/// Moves jobs, in one transaction, unless they moved meanwhile.
pub(super) async fn move_jobs(context: &Context, moves: Vec<Commit>) -> Result<(), Trouble> {
    if !moves.is_empty() {
        log_moved(&context.store.commit_all(moves).await?);
    }
    Ok(())
}

/// Logs the moves of a transaction.
pub(super) fn log_moved(rows: &[JobRow]) {
    for row in rows {
        tracing::info!(job = row.id, state = %row.state.kind(), "job moved");
    }
}

/// Storing and signing, one bundle after the other, so that no signed one lies above a free nonce.
struct Launch<'a, 'b> {
    context: &'a Context,
    plan: &'a mut Plan<'b>,
    purse: Purse,
    size: &'a AtomicUsize,
}

impl Launch<'_, '_> {
    /// Stores and signs one bundle; false when no further one can go now.
    async fn bundle(&mut self, mut weighed: Weighed, rests: &Rests) -> Result<bool, Trouble> {
        let Some(nonce) = self.plan.nonces.first().copied() else { return Ok(false) };
        let Some(offer) = self.offer(nonce, &weighed, rests).await? else { return Ok(false) };
        if !self.purse.cut_to_size(&mut weighed, offer) {
            self.too_poor(&weighed, offer, rests);
            return Ok(false);
        }
        let plan = Fees {
            gas_limit: weighed.gas(),
            max_fee_per_gas: offer.max_fee,
            max_priority_fee_per_gas: offer.tip,
        };
        self.purse.spend(&weighed, plan);
        let ops = weighed.candidates.into_iter();
        let ops: Vec<_> = ops.map(|one| (one.row.id, one.row.version, one.op)).collect();
        let stored_ops: Vec<_> = ops.iter().map(|(job, _, op)| (*job, op.clone())).collect();
        let id = self.context.store.store_bundle(NewBundle { nonce, ops, plan }).await?;
        metrics::histogram!("nexus_keeper_bundle_operations").record(stored_ops.len() as f64);
        tracing::info!(bundle = id, nonce, operations = stored_ops.len(), "bundle planned");
        let (status, txs, signed_at) = (BundleStatus::Open, Vec::new(), now_millis());
        let bundle = StoredBundle { id, nonce, status, ops: stored_ops, plan, txs, signed_at };
        if sign::first_or_discard(self.context, &bundle, self.size).await?.is_none() {
            // The nonce is as free as before: nothing is signed above it.
            return Ok(false);
        }
        self.plan.nonces.remove(0);
        self.plan.made.push(bundle);
        Ok(true)
    }

    /// The fees of a bundle under that nonce: more than anything that was signed for it before.
    ///
    /// Where the caps forbid that, the nonce is used up by what was signed for it.
    async fn offer(
        &self,
        nonce: u64,
        weighed: &Weighed,
        rests: &Rests,
    ) -> Result<Option<Offer>, Trouble> {
        let cap = fees::cap(self.context);
        let mut offer = Offer::new(self.plan.tip.base_fee, cap);
        let shelved = self.plan.ledger.shelved.iter().filter(|bundle| bundle.nonce == nonce);
        for bundle in shelved {
            let newest = bundle.txs.last();
            let old = Offer::from(newest.map_or(bundle.plan, |tx| tx.fees));
            if let Some(more) = offer.to_outbid(old, cap) {
                offer = more;
                continue;
            }
            let Some(tx) = newest else { continue };
            tracing::warn!(bundle = bundle.id, nonce, "the caps allow no other use of its nonce");
            follow::send(self.context, bundle.id, tx).await?;
            weighed.candidates.iter().for_each(|one| rests.begin(one.row.id));
            return Ok(None);
        }
        Ok(Some(offer))
    }

    /// The bundles under way come home first; without any the bundler needs ether.
    fn too_poor(&self, weighed: &Weighed, offer: Offer, rests: &Rests) {
        if self.plan.under_way().next().is_none() {
            let wait = self.purse.bundler_needs(weighed, offer);
            tracing::warn!(reason = wait.reason, "no bundle can be paid for");
            self.plan.note(self.context, rests, &wait);
        }
    }
}

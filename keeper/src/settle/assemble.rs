//! Phase 7: signed operations into one stored bundle.

use alloy::eips::BlockId;
use alloy::providers::Provider;
use domain::job::{Event, Kind, State};
use domain::userop::PackedUserOperation;

use super::fees;
use super::simulate::{self, Opinion};
use crate::chain::{ChainError, Standing};
use crate::pipeline::{Context, Trouble};
use crate::store::{Commit, Fees, JobRow, NewBundle};

/// Gas that the EntryPoint needs beside the operations' own limits.
const HANDLE_OPS: u64 = 60_000;

/// An operation on its way into a bundle.
struct Candidate {
    row: JobRow,
    op: PackedUserOperation,
}

/// Makes and stores one bundle of up to `most` waiting operations; `false` when none can go now.
pub(super) async fn assemble(context: &Context, most: usize) -> Result<bool, Trouble> {
    let mut candidates = candidates(context, most).await?;
    let gas = loop {
        if candidates.is_empty() {
            return Ok(false);
        }
        let ops: Vec<_> = candidates.iter().map(|candidate| candidate.op.clone()).collect();
        match simulate::bundle(&context.chain, &ops, context.bundler).await? {
            Opinion::Fine(gas) => break gas,
            Opinion::Spoilt { index, reason } if index < candidates.len() => {
                spoilt(context, candidates.remove(index), &reason).await?;
            }
            Opinion::Spoilt { reason, .. } | Opinion::Fails(reason) => {
                return Err(Trouble::Wait(format!("the bundle would fail: {reason}")));
            }
        }
    };
    store(context, candidates, gas).await?;
    Ok(true)
}

/// Operations that wait, each still open on the chain: first those that earn something, the
/// oldest purchase first.
async fn candidates(context: &Context, most: usize) -> Result<Vec<Candidate>, Trouble> {
    let mut waiting = context.store.jobs_in(Kind::Signed).await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    waiting.sort_by_key(|row| row.state.run().is_none_or(|run| !run.outcome.is_ok()));
    let latest = context.chain.latest().await?;
    let offer = fees::offer(&context.chain, cap(context)).await?;
    let mut candidates = Vec::new();
    for row in waiting.into_iter().take(most) {
        let State::Signed(signed) = &row.state else { continue };
        let op = signed.op.clone();
        let event = match context.chain.standing(row.state.purchase(), latest.block).await? {
            Standing::Open { sequence } if op.nonce.as_limbs()[0] < sequence => Event::Repriced,
            // Accounts that offer less than the base fee would make the bundler pay.
            Standing::Open { .. } if op.max_fee_per_gas() < offer.max_fee / 2 => Event::Repriced,
            Standing::Open { .. } => {
                candidates.push(Candidate { row, op });
                continue;
            }
            Standing::Settled(found) => Event::Settled(*found),
            Standing::Refunded => Event::Refunded,
            Standing::Missing | Standing::Other => continue,
        };
        move_job(context, &row, event).await?;
    }
    Ok(candidates)
}

/// An operation that the EntryPoint refuses is not sent; the account may need money.
async fn spoilt(context: &Context, candidate: Candidate, reason: &str) -> Result<(), Trouble> {
    let job = candidate.row.id;
    metrics::counter!("nexus_keeper_operations_refused_total").increment(1);
    match reason.get(..4) {
        // Wrong nonce: the chain moved since it was read.
        Some("AA25") => move_job(context, &candidate.row, Event::Repriced).await,
        // Wrong signature: the account's owner is another than the signer's.
        Some("AA24" | "AA23") => {
            let text = format!("the EntryPoint refuses the operation: {reason}");
            move_job(context, &candidate.row, Event::Stuck(text)).await
        }
        _ => {
            tracing::warn!(job, reason, "the operation cannot be sent now; it waits");
            Ok(())
        }
    }
}

async fn store(
    context: &Context,
    candidates: Vec<Candidate>,
    estimate: u64,
) -> Result<(), Trouble> {
    let offer = fees::offer(&context.chain, cap(context)).await?;
    let nonce = next_nonce(context).await?;
    let plan = Fees {
        gas_limit: limit(&candidates, estimate),
        max_fee_per_gas: offer.max_fee,
        max_priority_fee_per_gas: offer.tip,
    };
    let ops = candidates.into_iter().map(|one| (one.row.id, one.row.version, one.op));
    let bundle = NewBundle { nonce, ops: ops.collect(), plan };
    let count = bundle.ops.len();
    let id = context.store.store_bundle(bundle).await?;
    metrics::histogram!("nexus_keeper_bundle_operations").record(count as f64);
    tracing::info!(bundle = id, nonce, operations = count, "bundle planned");
    Ok(())
}

/// The nonce that no bundle has had: a signed nonce is never signed for other operations.
async fn next_nonce(context: &Context) -> Result<u64, Trouble> {
    let used = context.chain.provider.get_transaction_count(context.bundler);
    let used = used
        .block_id(BlockId::latest())
        .await
        .map_err(|error| ChainError::rpc("asking for the bundler's nonce", &error))?;
    Ok(used.max(context.store.next_bundle_nonce().await?))
}

/// The EntryPoint demands each operation's full limits to be there, used or not.
fn limit(candidates: &[Candidate], estimate: u64) -> u64 {
    let full: u64 = candidates
        .iter()
        .map(|candidate| {
            let limits = candidate.op.verification_gas_limit() + candidate.op.call_gas_limit();
            u64::try_from(limits).unwrap_or(u64::MAX / 64)
        })
        .fold(HANDLE_OPS, u64::saturating_add);
    (estimate + estimate / 10).max(full + full / 16)
}

fn cap(context: &Context) -> u128 {
    u128::from(context.config.settle.max_fee_per_gas)
}

/// Moves a job unless it moved meanwhile.
pub(super) async fn move_job(context: &Context, row: &JobRow, event: Event) -> Result<(), Trouble> {
    let kind = event.kind();
    match context.store.commit(Commit::new(row, event)).await.map_err(Trouble::from) {
        Ok(next) => {
            tracing::info!(job = row.id, event = %kind, state = %next.state.kind(), "job moved");
            Ok(())
        }
        Err(trouble) if trouble.is_outdated() => Ok(()),
        Err(trouble) => Err(trouble),
    }
}

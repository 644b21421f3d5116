//! Trying out what would be bundled: how many operations fit, and which of them spoil it.

use domain::bundle::handle_ops;
use domain::job::Event;
use domain::userop::PackedUserOperation;

use super::assemble::{Candidate, move_jobs, note_all};
use super::gas;
use super::rests::Rests;
use super::simulate::{self, Opinion};
use crate::pipeline::{Context, Trouble};
use crate::store::Commit;
use crate::waits::{Wait, WaitOn};

/// What every transaction costs.
const INTRINSIC: u64 = 21_000;
/// Gas that the EntryPoint needs beside the operations' own limits.
const HANDLE_OPS: u64 = 60_000;

/// Operations for one bundle.
pub(super) struct Group {
    pub candidates: Vec<Candidate>,
    /// Whether a further one would not fit.
    pub full: bool,
}

/// Operations that the EntryPoint takes as one bundle.
pub(super) struct Weighed {
    pub candidates: Vec<Candidate>,
    /// Gas of the parent chain's share.
    posting: u64,
}

impl Weighed {
    /// Gas limit of the transaction: the EntryPoint demands each operation's full limits to be
    /// there, used or not.
    pub(super) fn gas(&self) -> u64 {
        INTRINSIC + HANDLE_OPS + self.posting + self.candidates.iter().map(of_one).sum::<u64>()
    }
}

/// Gas that one operation adds to its bundle: its limits, a sixteenth for what the EntryPoint
/// does around them, and its calldata.
fn of_one(candidate: &Candidate) -> u64 {
    let op = &candidate.op;
    let limits = op.verification_gas_limit().saturating_add(op.call_gas_limit());
    let limits = u64::try_from(limits).unwrap_or(u64::MAX / 64);
    limits + limits / 16 + calldata(op)
}

fn calldata(op: &PackedUserOperation) -> u64 {
    let data = handle_ops(std::slice::from_ref(op), op.sender);
    data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum()
}

/// The signer's cap on a bundle's gas, if it tells one.
fn most_gas(context: &Context) -> u64 {
    context.signer.caps().map_or(u64::MAX, |caps| caps.max_bundle_gas)
}

/// Splits candidates into groups of up to `size` that keep to the signer's cap on gas.
pub(super) fn group(context: &Context, candidates: Vec<Candidate>, size: usize) -> Vec<Group> {
    let most = most_gas(context);
    let mut groups: Vec<Group> = Vec::new();
    let mut gas = 0;
    for candidate in candidates {
        let more = of_one(&candidate);
        match groups.last_mut() {
            Some(group) if !group.full && gas + more <= most => group.candidates.push(candidate),
            last => {
                if let Some(group) = last {
                    group.full = true;
                }
                groups.push(Group { candidates: vec![candidate], full: false });
                gas = INTRINSIC + HANDLE_OPS;
            }
        }
        gas += more;
        if let Some(group) = groups.last_mut() {
            group.full |= group.candidates.len() >= size;
        }
    }
    groups
}

/// Leaves out what the EntryPoint refuses until it takes the rest; `None` when nothing is left.
pub(super) async fn weigh(
    context: &Context,
    candidates: Vec<Candidate>,
    rests: &Rests,
) -> Result<Option<Weighed>, Trouble> {
    let mut weighed = Weighed { candidates, posting: 0 };
    loop {
        let count = weighed.candidates.len();
        if count == 0 {
            return Ok(None);
        }
        let ops: Vec<_> = weighed.candidates.iter().map(|one| one.op.clone()).collect();
        let data = handle_ops(&ops, context.bundler);
        weighed.posting = gas::parent_chain(&context.chain, data).await?;
        if count > 1 && weighed.gas() > most_gas(context) {
            weighed.candidates.truncate(count - count.div_ceil(8));
            continue;
        }
        match simulate::bundle(&context.chain, &ops, context.bundler, weighed.gas()).await? {
            Opinion::Fine => return Ok(Some(weighed)),
            Opinion::Spoilt { index, reason } if index < count => {
                spoilt(context, &mut weighed.candidates, index, &reason, rests).await?;
            }
            // Nobody says which one it is: half of them, then half of these.
            Opinion::Spoilt { .. } | Opinion::Fails(_) if count > 1 => {
                weighed.candidates.truncate(count / 2);
            }
            Opinion::Spoilt { reason, .. } | Opinion::Fails(reason) => {
                let reason = format!("the operation would fail now: {reason}");
                let wait = Wait::new(WaitOn::Node, reason, "nothing: it is tried again");
                leave_out(context, weighed.candidates, &wait, rests);
                return Ok(None);
            }
        }
    }
}

/// An operation that the EntryPoint refuses is not sent; the account may need money.
async fn spoilt(
    context: &Context,
    candidates: &mut Vec<Candidate>,
    index: usize,
    reason: &str,
    rests: &Rests,
) -> Result<(), Trouble> {
    metrics::counter!("nexus_keeper_operations_refused_total").increment(1);
    let code = reason.get(..4).unwrap_or_default();
    if code == "AA21" {
        // What the account has is enough for those before.
        let poor = candidates.split_off(index);
        let reason = format!("the account {} lacks ether for gas: {reason}", context.chain.account);
        let help = format!("send ether to {}", context.chain.account);
        leave_out(context, poor, &Wait::new(WaitOn::AccountFunds, reason, help), rests);
        return Ok(());
    }
    let candidate = candidates.remove(index);
    let event = match code {
        // Wrong nonce: the chain moved since it was read.
        "AA25" => Event::Repriced,
        // Wrong signature: the account's owner is another than the signer's.
        "AA24" | "AA23" => Event::Stuck(format!("the EntryPoint refuses the operation: {reason}")),
        _ => {
            let reason = format!("the EntryPoint refuses the operation: {reason}");
            let wait = Wait::new(WaitOn::Node, reason, "nothing: it is tried again");
            leave_out(context, vec![candidate], &wait, rests);
            return Ok(());
        }
    };
    move_jobs(context, vec![Commit::new(&candidate.row, event)]).await
}

fn leave_out(context: &Context, candidates: Vec<Candidate>, wait: &Wait, rests: &Rests) {
    tracing::warn!(operations = candidates.len(), reason = wait.reason, "operations wait");
    note_all(context, candidates.iter().map(|one| &one.row), wait);
    candidates.iter().for_each(|one| rests.begin(one.row.id));
}

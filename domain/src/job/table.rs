//! The transition table: the only place that says which state follows which.

use super::data::{Finished, Order, Past, Prepared, SentOp, Settlement, SignedOp};
use super::event::{Effect, Event, EventKind};
use super::state::{Closed, Kind, Running, State, Stuck};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The state left.
    pub from: Kind,
    /// What happened.
    pub on: EventKind,
    /// The state entered.
    pub to: Kind,
}

/// An event that the table does not allow in that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot take the event `{on}`")]
pub struct IllegalMove {
    /// The state that the job is in.
    pub from: Kind,
    /// The event that does not fit it.
    pub on: EventKind,
}

/// Expands rows into [`TABLE`] and [`step`], so that there is one source of both.
macro_rules! table {
    ($($from:ident($s:pat) + $on:ident $(($e:pat))? $(if $guard:expr)? => $to:ident: $next:expr;)+) => {
        /// Every legal move. A guard may still forbid one: see the property tests.
        pub const TABLE: &[Move] = &[
            $(Move { from: Kind::$from, on: EventKind::$on, to: Kind::$to },)+
        ];

        /// Moves a job by one event: the next state, and the work that it owes.
        ///
        /// # Errors
        /// When the table has no such move; the state is given up, so callers keep a copy
        /// of what they still need.
        pub fn step(state: State, event: Event) -> Result<(State, Vec<Effect>), IllegalMove> {
            let illegal = IllegalMove { from: state.kind(), on: event.kind() };
            let next = match (state, event) {
                $((State::$from($s), Event::$on $(($e))?) $(if $guard)? => State::$to($next),)+
                _ => return Err(illegal),
            };
            let owed = next.kind().owes().into_iter().collect();
            Ok((next, owed))
        }
    };
}

table! {
    // The way of a purchase that goes well.
    Seen(past) + Confirmed(terms) => Confirmed: order(past, terms);
    Seen(_) + ResultKept(finished) if finished.run.outcome.is_ok() => Produced: *finished;
    Seen(_) + FailureKept(finished) if !finished.run.outcome.is_ok() => Failed: *finished;
    Seen(_) + ReceiptKept(prepared) => Intended: *prepared;
    Confirmed(order) + InputStored => Ready: order;
    Ready(order) + Started => Running: begin(order);
    Running(job) + Restarted => Running: begin(job.order);
    Running(job) + Produced(run) if run.outcome.is_ok() => Produced: Finished { order: job.order, run };
    Produced(finished) + Intended(intent) if intent.receipt.outcome.is_ok() => Intended: Prepared { finished, intent: *intent };
    Intended(prepared) + Signed(data) => Signed: SignedOp { prepared, op: data.op, op_hash: data.op_hash };
    Signed(signed) + Bundled(bundle) => Sent: SentOp { signed, bundle };
    Sent(sent) + Settled(settlement) => Settled: close(sent.into(), settlement);
    Settled(closed) + Finalized => Final: closed;

    // Failures of the agent: the buyer is refunded by a settlement that says so.
    Confirmed(order) + Refused(run) if !run.outcome.is_ok() => Failed: Finished { order, run };
    Running(job) + Failed(run) if !run.outcome.is_ok() => Failed: Finished { order: job.order, run };
    Failed(finished) + Intended(intent) if !intent.receipt.outcome.is_ok() => Intended: Prepared { finished, intent: *intent };

    // The operation's own troubles.
    Signed(signed) + Repriced => Intended: signed.prepared;
    Sent(sent) + Dropped => Signed: sent.signed;
    Sent(sent) + Reverted => Intended: sent.signed.prepared;

    // Settled without our seeing it come: by another keeper, or by an operation given up.
    Seen(past) + Settled(settlement) => Settled: close(past, settlement);
    Confirmed(order) + Settled(settlement) => Settled: close(order.into(), settlement);
    Ready(order) + Settled(settlement) => Settled: close(order.into(), settlement);
    Running(job) + Settled(settlement) => Settled: close(job.order.into(), settlement);
    Produced(finished) + Settled(settlement) => Settled: close(finished.into(), settlement);
    Failed(finished) + Settled(settlement) => Settled: close(finished.into(), settlement);
    Intended(prepared) + Settled(settlement) => Settled: close(prepared.into(), settlement);
    Signed(signed) + Settled(settlement) => Settled: close(signed.into(), settlement);
    Expired(past) + Settled(settlement) => Settled: close(past, settlement);
    Stuck(stuck) + Settled(settlement) => Settled: close(stuck.past, settlement);

    // Too late, or refunded by anybody.
    Seen(past) + Expired => Expired: past;
    Confirmed(order) + Expired => Expired: order.into();
    Ready(order) + Expired => Expired: order.into();
    Seen(past) + Refunded => Expired: past;
    Confirmed(order) + Refunded => Expired: order.into();
    Ready(order) + Refunded => Expired: order.into();
    Running(job) + Refunded => Expired: job.order.into();
    Produced(finished) + Refunded => Expired: finished.into();
    Failed(finished) + Refunded => Expired: finished.into();
    Intended(prepared) + Refunded => Expired: prepared.into();
    Signed(signed) + Refunded => Expired: signed.into();
    Sent(sent) + Refunded => Expired: sent.into();
    Stuck(stuck) + Refunded => Expired: stuck.past;

    // Reorganisations of the chain: everything is confirmed anew, work done is kept.
    // `Final` is no exception: how deep a reorganisation goes is the chain's to say.
    Settled(closed) + SettlementRemoved => Seen: closed.past;
    Final(closed) + SettlementRemoved => Seen: closed.past;
    Expired(past) + RefundRemoved => Seen: past;
    Seen(past) + PurchaseRemoved => Reorged: past;
    Confirmed(order) + PurchaseRemoved => Reorged: order.into();
    Ready(order) + PurchaseRemoved => Reorged: order.into();
    Running(job) + PurchaseRemoved => Reorged: job.order.into();
    Produced(finished) + PurchaseRemoved => Reorged: finished.into();
    Failed(finished) + PurchaseRemoved => Reorged: finished.into();
    Intended(prepared) + PurchaseRemoved => Reorged: prepared.into();
    Signed(signed) + PurchaseRemoved => Reorged: signed.into();
    Sent(sent) + PurchaseRemoved => Reorged: sent.into();
    Settled(closed) + PurchaseRemoved => Reorged: closed.past;
    Final(closed) + PurchaseRemoved => Reorged: closed.past;
    Expired(past) + PurchaseRemoved => Reorged: past;
    Stuck(stuck) + PurchaseRemoved => Reorged: stuck.past;
    Reorged(past) + Reappeared(purchase) => Seen: past.reappeared(purchase);

    // Beyond the keeper's means.
    Seen(past) + Stuck(reason) => Stuck: Stuck { past, reason };
    Confirmed(order) + Stuck(reason) => Stuck: Stuck { past: order.into(), reason };
    Running(job) + Stuck(reason) => Stuck: Stuck { past: job.order.into(), reason };
    Produced(finished) + Stuck(reason) => Stuck: Stuck { past: finished.into(), reason };
    Failed(finished) + Stuck(reason) => Stuck: Stuck { past: finished.into(), reason };
    Intended(prepared) + Stuck(reason) => Stuck: Stuck { past: prepared.into(), reason };
    Signed(signed) + Stuck(reason) => Stuck: Stuck { past: signed.into(), reason };
    Sent(sent) + Stuck(reason) => Stuck: Stuck { past: sent.into(), reason };
    Stuck(stuck) + Retried => Seen: stuck.past;
}

fn order(past: Past, terms: super::data::Terms) -> Order {
    Order { purchase: past.purchase, terms, attempts: past.attempts }
}

fn begin(order: Order) -> Running {
    Running { order: Order { attempts: order.attempts.saturating_add(1), ..order } }
}

/// A settlement is ours only if it carries the receipt that was signed here.
fn close(past: Past, settlement: Settlement) -> Closed {
    let receipt = past.work.as_ref().and_then(|work| work.prepared());
    let signed = receipt.is_some_and(|it| it.intent.receipt_hash == settlement.receipt_hash);
    Closed { settlement: Settlement { ours: settlement.ours && signed, ..settlement }, past }
}

impl Kind {
    /// Whether the table has a move for this event.
    pub fn allows(self, on: EventKind) -> bool {
        TABLE.iter().any(|row| row.from == self && row.on == on)
    }
}

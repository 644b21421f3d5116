//! Phase 2: the input, from the purchase itself or through the API, checked.

use bytes::Bytes;
use domain::job::{Event, Order, State};
use domain::receipt::Outcome;

use super::confirm::wrong_state;
use super::context::Context;
use super::trouble::Trouble;
use super::{expiry, verdict};
use crate::store::{Commit, JobRow};
use crate::waits::{Wait, WaitOn};

/// Waits for the input until it would be too late to run.
pub(super) async fn await_input(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Confirmed(order) = &row.state else { return Err(wrong_state(row)) };
    let Some(manifest) = &order.terms.manifest else {
        let run = verdict::not_run(Outcome::Killed, "the agent's published manifest is invalid");
        return Ok(Commit::new(row, Event::Refused(run)));
    };
    let help = format!("upload it: nexus job upload {} --input FILE", row.id);
    let reason = format!("the input with the hash {}", order.purchase.input_hash);
    context.waits.note(row.id, row.version, Wait::new(WaitOn::Input, reason, help));
    let late = expiry::too_late(context, &order.purchase, expiry::seconds(context, order));
    let event = tokio::select! {
        input = stored(context, row.id, order) => match manifest.check_input(&input?) {
            Ok(()) => Event::InputStored,
            Err(error) => {
                let detail = format!("the input does not fit the manifest: {error}");
                Event::Refused(verdict::not_run(Outcome::InputInvalid, &detail))
            }
        },
        () = late => Event::Expired,
    };
    Ok(Commit::new(row, event))
}

/// The input, as soon as it is in the store.
async fn stored(context: &Context, job: u64, order: &Order) -> Result<Bytes, Trouble> {
    let mut changes = context.store.changes();
    loop {
        if let Some(input) = context.store.blob(order.purchase.input_hash).await? {
            return Ok(input);
        }
        // A lag means that something changed too: look again.
        while let Ok(change) = changes.recv().await {
            if change.job == job {
                break;
            }
        }
    }
}

//! Phase 5: the receipt, signed by the owner of the keeper's account.

use alloy::primitives::aliases::U96;
use domain::job::{Event, Finished, Intent, State};
use domain::receipt::ExecutionReceipt;

use super::confirm::wrong_state;
use super::context::Context;
use super::trouble::Trouble;
use crate::health::Part;
use crate::store::{Commit, JobRow};

/// Has the receipt signed. The signer signs one receipt per purchase, ever.
pub(super) async fn prepare(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let (State::Produced(finished) | State::Failed(finished)) = &row.state else {
        return Err(wrong_state(row));
    };
    let receipt = receipt(context, finished);
    let (chain_id, registry) = (context.config.chain.chain_id, context.config.chain.registry);
    let signed = context.signer.sign_receipt(chain_id, registry, receipt.clone()).await?;
    context.health.works(Part::Signer);
    let (receipt_hash, receipt_signature) = signed;
    let intent = Intent { receipt, receipt_hash, receipt_signature };
    Ok(Commit::new(row, Event::Intended(Box::new(intent))))
}

fn receipt(context: &Context, finished: &Finished) -> ExecutionReceipt {
    let Finished { order, run } = finished;
    let (purchase, terms) = (&order.purchase, &order.terms);
    let charge = if run.outcome.is_ok() { terms.price.min(purchase.escrow) } else { U96::ZERO };
    ExecutionReceipt {
        purchase_id: purchase.id,
        agent_id: purchase.agent_id,
        version: purchase.version,
        buyer: purchase.buyer,
        keeper: context.config.account.address,
        image_digest: terms.image_digest,
        manifest_hash: terms.manifest_hash,
        input_hash: purchase.input_hash,
        result_hash: run.result_hash,
        log_hash: run.log_hash,
        outcome: run.outcome,
        exit_code: run.exit_code,
        started_at: run.started_at / 1000,
        finished_at: run.finished_at / 1000,
        cpu_micros: run.cpu_micros,
        peak_memory_bytes: run.peak_memory_bytes,
        charge,
    }
}

//! Phase 6: the settlement's UserOperation, built, priced and signed.

use alloy::eips::BlockId;
use alloy::primitives::{Bytes, U256};
use domain::calls::{Call, Settlement};
use domain::job::{BlockRef, Event, Prepared, SignedData, State};
use domain::userop::{GasLimits, UserOperation};
use domain::wire::RefusalCode;

use super::fees::{self, Offer};
use super::gas::{self, Estimate};
use super::{sign, simulate};
use crate::chain::Standing;
use crate::health::Part;
use crate::pipeline::{Context, Trouble};
use crate::signer_client::SignerError;
use crate::store::{Commit, JobRow};
use crate::waits::{Wait, WaitOn};

/// Mined failures of one settlement after which the operator must look.
const MOST_FAILURES: u64 = 5;

/// A signature of the right length for estimates.
const DUMMY_SIGNATURE: [u8; 65] = {
    let mut bytes = [0x11; 65];
    bytes[64] = 27;
    bytes
};

/// Has the operation signed, unless the chain shows that there is nothing left to settle.
pub(crate) async fn sign_operation(context: &Context, row: &JobRow) -> Result<Commit, Trouble> {
    let State::Intended(prepared) = &row.state else {
        return Err(Trouble::Hopeless(format!("job {} has no receipt to settle", row.id)));
    };
    let _turn = context.turn().await;
    let head = context.chain.latest().await?.block;
    let sequence = match context.chain.standing(row.state.purchase(), head).await? {
        // The purchase is open, so every lower sequence was mined and failed: only that
        // permits the next one.
        Standing::Open { sequence } => sequence,
        Standing::Settled(found) => return Ok(Commit::new(row, Event::Settled(*found))),
        Standing::Refunded => return Ok(Commit::new(row, Event::Refunded)),
        Standing::Missing | Standing::Other => {
            return Err(Trouble::Wait(format!("purchase {} is being reorganised", row.id)));
        }
    };
    if sequence >= MOST_FAILURES {
        let text = format!("{sequence} settlements of purchase {} were mined and failed", row.id);
        return Err(Trouble::Hopeless(text));
    }
    let op = price(context, unsigned(context, prepared, sequence), head).await?;
    let data = signed(context, op).await?;
    context.health.works(Part::Signer);
    Ok(Commit::new(row, Event::Signed(Box::new(data))))
}

/// The signature; for higher fees if the signer signed another variant before.
async fn signed(context: &Context, mut op: UserOperation) -> Result<SignedData, Trouble> {
    let chain = &context.config.chain;
    let cap = fees::cap(context);
    loop {
        let packed = op.pack();
        let signed =
            context.signer.sign_user_operation(chain.chain_id, chain.entry_point, packed.clone());
        match signed.await {
            Ok((op_hash, signature)) => {
                return Ok(SignedData { op: packed.with_signature(signature), op_hash });
            }
            Err(error) if sign::is_underpriced(&error) => {
                let old =
                    Offer { max_fee: op.gas.max_fee_per_gas, tip: op.gas.max_priority_fee_per_gas };
                let more = old.raised(cap).ok_or_else(|| signed_for_more(&error, cap))?;
                op.gas.max_fee_per_gas = more.max_fee;
                op.gas.max_priority_fee_per_gas = more.tip;
            }
            // The nonce carries an operation for another order of the same number, from before
            // a reorganisation: it moves once that one is mined and fails.
            Err(error) if error.refusal() == Some(RefusalCode::NonceUsed) => {
                return Err(Trouble::Wait(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// An operation that was signed at a fee which the caps allow no more.
fn signed_for_more(error: &SignerError, cap: u128) -> Trouble {
    let reason = format!("a cap on fees above {cap} wei: {error}");
    let help = "raise settle.max_fee_per_gas and max_fee_per_gas of the signer's policy to where \
                they were";
    Trouble::On(Wait::new(WaitOn::Fee, reason, help))
}

/// The operation without gas: `execute(registry, 0, settle(..))` under the purchase's nonce.
fn unsigned(context: &Context, prepared: &Prepared, sequence: u64) -> UserOperation {
    let receipt = &prepared.intent.receipt;
    let settle = Settlement {
        purchase: receipt.purchase_id,
        order_hash: receipt.order_hash(),
        ok: receipt.outcome.is_ok(),
        charge: receipt.charge,
        result_hash: receipt.result_hash,
        receipt_hash: prepared.intent.receipt_hash,
    };
    let call =
        Call { target: context.config.chain.registry, value: U256::ZERO, data: settle.call_data() };
    let nonce = receipt.purchase_id.nonce(settle.order_hash, sequence);
    UserOperation::new(context.config.account.address, nonce, call.to_execute())
}

/// Adds limits and fees, as of that block.
async fn price(
    context: &Context,
    mut op: UserOperation,
    head: BlockRef,
) -> Result<UserOperation, Trouble> {
    let chain = &context.chain;
    let starts = context.starts.read(chain).await?;
    let at = BlockId::hash(head.hash);
    let call_gas = match gas::execution(chain, op.call_data.clone(), &starts, at).await? {
        Estimate::Gas(gas) => gas,
        Estimate::Reverts(data) => return Err(would_revert(&data)),
    };
    let base_fee = fees::tip(chain).await?.base_fee;
    if let Some(wait) = fees::too_dear(context, base_fee) {
        return Err(Trouble::On(wait));
    }
    let offer = Offer::new(base_fee, fees::cap(context));
    op.signature = Bytes::from_static(&DUMMY_SIGNATURE);
    op.gas = GasLimits {
        verification_gas_limit: 0,
        call_gas_limit: u128::from(call_gas),
        pre_verification_gas: U256::ZERO,
        max_fee_per_gas: offer.max_fee,
        max_priority_fee_per_gas: offer.tip,
    };
    let packed = op.pack();
    op.gas.verification_gas_limit = u128::from(gas::verification(chain, &packed, &starts).await?);
    let overhead = gas::overhead(chain, &op.pack(), context.bundler).await?;
    op.gas.pre_verification_gas = U256::from(overhead);
    op.signature = Bytes::new();
    Ok(op)
}

/// A settlement that the registry refuses now: the chain will say why, or the operator must.
fn would_revert(data: &Bytes) -> Trouble {
    let reason = simulate::reason(data);
    if reason.is_operators() {
        Trouble::Hopeless(format!("the registry refuses the settlement: {reason}"))
    } else {
        Trouble::Wait(format!("the settlement would fail now: {reason}"))
    }
}

//! Whether a receipt may be signed.

use alloy_primitives::B256;
use domain::wire::{RefusalCode, SignReceipt};

use super::Policy;
use crate::refusal::Refusal;

impl Policy {
    /// Checks a receipt and computes its digest.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn receipt(&self, request: &SignReceipt) -> Result<B256, Refusal> {
        self.check_chain(request.chain_id)?;
        if request.registry != self.registry {
            let message =
                format!("registry {} is not the policy's {}", request.registry, self.registry);
            return Err(Refusal::new(RefusalCode::WrongRegistry, message));
        }
        let receipt = &request.receipt;
        let refused = |message: String| Err(Refusal::new(RefusalCode::InvalidReceipt, message));
        if receipt.keeper != self.account {
            return refused(format!(
                "keeper {} is not the policy's account {}",
                receipt.keeper, self.account
            ));
        }
        if receipt.purchase_id.0 == 0 {
            return refused("purchases are numbered from 1".into());
        }
        if receipt.finished_at < receipt.started_at {
            return refused("the run ends before it starts".into());
        }
        if receipt.outcome.is_ok() && receipt.exit_code != 0 {
            return refused(format!("outcome ok with exit code {}", receipt.exit_code));
        }
        if !receipt.outcome.is_ok() && !receipt.charge.is_zero() {
            return refused(format!("outcome `{}` must not be charged", receipt.outcome));
        }
        Ok(receipt.digest(request.chain_id, request.registry))
    }
}

//! Whether a bundle transaction may be signed.

use alloy_primitives::{Address, B256, U256, keccak256};
use domain::bundle::BundleTransaction;
use domain::wire::RefusalCode;

use super::Policy;
use crate::refusal::Refusal;

/// A bundle that the policy allows, with what the journal must know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedBundle {
    /// The chain.
    pub chain_id: u64,
    /// The bundler's address.
    pub bundler: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Fee per gas, in wei.
    pub max_fee: u128,
    /// Tip per gas, in wei.
    pub tip: u128,
    /// The most that the transaction can cost the bundler, in wei.
    pub cost: U256,
    /// The `userOpHash` of each operation, in their order.
    pub ops: Vec<B256>,
    /// Hash over [`Self::ops`] in sorted order: the same for the same set.
    pub ops_digest: B256,
}

impl Policy {
    /// Checks a bundle; each operation's signature must be the owner's.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn bundle(
        &self,
        bundle: &BundleTransaction,
        owner: Address,
        bundler: Address,
    ) -> Result<ApprovedBundle, Refusal> {
        self.check_chain(bundle.chain_id)?;
        self.check_entry_point(bundle.entry_point)?;
        if bundle.beneficiary != bundler {
            let message =
                format!("beneficiary {} is not the bundler {bundler}", bundle.beneficiary);
            return Err(Refusal::new(RefusalCode::WrongBeneficiary, message));
        }
        if bundle.gas_limit > self.max_bundle_gas {
            let message = format!(
                "a gas limit of {} is over the cap of {}",
                bundle.gas_limit, self.max_bundle_gas
            );
            return Err(Refusal::new(RefusalCode::GasOverCap, message));
        }
        self.check_fees(bundle.max_fee_per_gas, bundle.max_priority_fee_per_gas)?;
        let ops = check_operations(bundle, owner)?;
        Ok(ApprovedBundle {
            chain_id: bundle.chain_id,
            bundler,
            nonce: bundle.nonce,
            max_fee: bundle.max_fee_per_gas,
            tip: bundle.max_priority_fee_per_gas,
            cost: bundle.max_cost(),
            ops_digest: digest_of_set(&ops),
            ops,
        })
    }
}

fn check_operations(bundle: &BundleTransaction, owner: Address) -> Result<Vec<B256>, Refusal> {
    let refused = |message: String| Err(Refusal::new(RefusalCode::UnknownOperation, message));
    if bundle.ops.is_empty() {
        return refused("the bundle holds no operation".into());
    }
    let hashes = bundle.user_op_hashes();
    for (index, (op, hash)) in bundle.ops.iter().zip(&hashes).enumerate() {
        if hashes[..index].contains(hash) {
            return refused(format!("operation {hash} is in the bundle twice"));
        }
        match domain::signature::recover(hash, &op.signature) {
            Ok(signer) if signer == owner => {}
            Ok(signer) => {
                return refused(format!("operation {hash} is signed by {signer}, not {owner}"));
            }
            Err(error) => return refused(format!("operation {hash}: {error}")),
        }
    }
    Ok(hashes)
}

fn digest_of_set(hashes: &[B256]) -> B256 {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    keccak256(sorted.iter().flat_map(|hash| hash.0).collect::<Vec<_>>())
}

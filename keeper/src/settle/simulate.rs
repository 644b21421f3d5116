//! Why a settlement or a bundle would fail, read from revert data.

use std::fmt;

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolError, SolInterface};
use bindings::AgentRegistry::AgentRegistryErrors;
use bindings::IEntryPoint;
use domain::bundle::handle_ops;
use domain::userop::PackedUserOperation;

use crate::chain::{Chain, ChainError};

/// Why a call reverts.
#[derive(Debug)]
pub(super) enum Reason {
    /// The registry's own error.
    Registry(Box<AgentRegistryErrors>),
    /// Anything else.
    Other(Bytes),
}

impl Reason {
    /// Whether only the operator can heal it: the account is no keeper of the registry.
    pub(super) fn is_operators(&self) -> bool {
        matches!(self, Self::Registry(error) if matches!(**error, AgentRegistryErrors::NotKeeper(_)))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(error) => write!(f, "{error:?}"),
            Self::Other(data) if data.is_empty() => write!(f, "it reverts without a reason"),
            Self::Other(data) => write!(f, "it reverts with {data}"),
        }
    }
}

/// Reads revert data.
pub(super) fn reason(data: &Bytes) -> Reason {
    match AgentRegistryErrors::abi_decode(data) {
        Ok(error) => Reason::Registry(Box::new(error)),
        Err(_) => Reason::Other(data.clone()),
    }
}

/// What the EntryPoint thinks of a bundle before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// It can be mined.
    Fine,
    /// One operation spoils it.
    Spoilt {
        /// Its place in the bundle.
        index: usize,
        /// The EntryPoint's reason, beginning with `AAxx`.
        reason: String,
    },
    /// It fails for another reason.
    Fails(String),
}

/// Asks the EntryPoint about a bundle by calling it with the gas that the transaction will have.
pub(super) async fn bundle(
    chain: &Chain,
    ops: &[PackedUserOperation],
    bundler: Address,
    gas: u64,
) -> Result<Opinion, ChainError> {
    let request = TransactionRequest::default()
        .from(bundler)
        .to(chain.config.entry_point)
        .gas_limit(gas)
        .input(handle_ops(ops, bundler).into());
    let error = match chain.provider.call(request).block(BlockId::latest()).await {
        Ok(_) => return Ok(Opinion::Fine),
        Err(error) => error,
    };
    let Some(answer) = error.as_error_resp() else {
        return Err(ChainError::rpc("trying out a bundle", &error));
    };
    let data = answer.as_revert_data().unwrap_or_default();
    if let Ok(failed) = IEntryPoint::FailedOp::abi_decode(&data) {
        let index = failed.opIndex.saturating_to();
        return Ok(Opinion::Spoilt { index, reason: failed.reason });
    }
    if let Ok(failed) = IEntryPoint::FailedOpWithRevert::abi_decode(&data) {
        let reason = format!("{} ({})", failed.reason, failed.inner);
        return Ok(Opinion::Spoilt { index: failed.opIndex.saturating_to(), reason });
    }
    Ok(Opinion::Fails(answer.to_string()))
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError as _;
    use bindings::AgentRegistry;

    use super::*;

    #[test]
    fn the_registrys_errors_are_told_apart() {
        let open = AgentRegistry::PurchaseNotOpen { purchaseId: 4, status: 2 };
        let open = reason(&open.abi_encode().into());
        assert!(!open.is_operators());
        assert!(open.to_string().contains("PurchaseNotOpen"), "{open}");
        let keeper = AgentRegistry::NotKeeper { caller: Address::ZERO };
        assert!(reason(&keeper.abi_encode().into()).is_operators());
        assert!(reason(&Bytes::new()).to_string().contains("without a reason"));
    }
}

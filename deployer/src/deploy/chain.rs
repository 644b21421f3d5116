//! What a chain must have, and sending with a clear error.

use super::DeployError;
use super::activate::ARB_WASM;
use super::create2::DETERMINISTIC_DEPLOYER;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::TransportResult;
use bindings::ENTRY_POINT_V08;

/// The chain's id, if everything that the programs need is on it.
pub(super) async fn check<P: Provider>(provider: &P) -> Result<u64, DeployError> {
    const WHAT: &str = "reading the chain";
    let chain_id = rpc(WHAT, provider.get_chain_id().await)?;
    if rpc(WHAT, provider.get_code_at(ARB_WASM).await)?.is_empty() {
        return Err(DeployError::NotStylus { chain_id });
    }
    let needed =
        [("deterministic deployer", DETERMINISTIC_DEPLOYER), ("EntryPoint v0.8", ENTRY_POINT_V08)];
    for (what, address) in needed {
        if rpc(WHAT, provider.get_code_at(address).await)?.is_empty() {
            return Err(DeployError::Missing { what, address, chain_id });
        }
    }
    Ok(chain_id)
}

/// Sends a transaction and waits until it is included and has worked.
pub(super) async fn send<P: Provider>(
    provider: &P,
    request: TransactionRequest,
    what: &str,
) -> Result<(), DeployError> {
    let pending = rpc(what, provider.send_transaction(request).await)?;
    let receipt = pending
        .get_receipt()
        .await
        .map_err(|source| DeployError::Pending { what: what.to_owned(), source })?;
    if receipt.status() {
        Ok(())
    } else {
        let transaction = receipt.transaction_hash;
        Err(DeployError::Reverted { what: what.to_owned(), transaction })
    }
}

/// Adds what was being done to a node's error.
pub(super) fn rpc<T>(what: &str, result: TransportResult<T>) -> Result<T, DeployError> {
    result.map_err(|source| DeployError::Rpc { what: what.to_owned(), source })
}

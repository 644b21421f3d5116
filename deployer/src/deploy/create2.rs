//! Creation at an address that follows from the bytes.

use super::DeployError;
use super::chain::{self, rpc};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

/// The deterministic deployer: salt and init code in, CREATE2 out, the same on every chain.
pub const DETERMINISTIC_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
pub(super) const SALT: B256 = B256::ZERO;

/// One contract to be.
pub(super) struct Creation {
    /// For messages.
    pub(super) what: &'static str,
    /// What makes it.
    pub(super) init_code: Bytes,
    /// What will stand there.
    pub(super) code: Bytes,
    /// Where it will stand.
    pub(super) address: Address,
}

impl Creation {
    /// What the deterministic deployer itself makes.
    pub(super) fn direct(what: &'static str, init_code: Bytes, code: Bytes) -> Self {
        let address = DETERMINISTIC_DEPLOYER.create2(SALT, keccak256(&init_code));
        Self { what, init_code, code, address }
    }
}

/// Creates it, unless it stands there; `value` wei are sent along.
pub(super) async fn ensure<P: Provider>(
    provider: &P,
    creation: &Creation,
    value: U256,
) -> Result<(), DeployError> {
    let address = creation.address;
    let what = format!("deploying the {}", creation.what);
    let code = rpc(&what, provider.get_code_at(address).await)?;
    if code.is_empty() {
        tracing::info!(%address, "{what}");
        let input = [SALT.as_slice(), &creation.init_code].concat();
        let request = TransactionRequest::default()
            .with_to(DETERMINISTIC_DEPLOYER)
            .with_input(input)
            .with_value(value);
        chain::send(provider, request, &what).await?;
    }
    let code = rpc(&what, provider.get_code_at(address).await)?;
    if code == creation.code {
        Ok(())
    } else {
        Err(DeployError::Mismatch { what: creation.what, address })
    }
}

//! Activation: the chain checks and compiles a program once, for a fee.

use super::DeployError;
use super::chain::{self, rpc};
use super::create2::Creation;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256, address, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::{AccountOverride, StateOverride};
use alloy::sol;
use alloy::sol_types::SolCall;

/// The precompile that keeps Stylus programs.
pub(super) const ARB_WASM: Address = address!("0x0000000000000000000000000000000000000071");

sol! {
    /// The part of ArbWasm that activation needs.
    interface ArbWasm {
        /// Checks and compiles a program; what is paid above the fee comes back.
        function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
        /// The Stylus version a code was activated for; reverts if it is not active.
        function codehashVersion(bytes32 codehash) external view returns (uint16 version);
    }
}

/// Activates the program unless it is active. Programs with equal code share activation.
pub(super) async fn ensure<P: Provider>(
    provider: &P,
    program: &Creation,
) -> Result<(), DeployError> {
    let what = format!("activating the {}", program.what);
    if is_active(provider, program, &what).await? {
        return Ok(());
    }
    let fee = data_fee(provider, program, &what).await?;
    tracing::info!(address = %program.address, %fee, "{what}");
    let request = activation(program.address).with_value(fee);
    chain::send(provider, request, &what).await?;
    if is_active(provider, program, &what).await? {
        Ok(())
    } else {
        Err(DeployError::Mismatch { what: program.what, address: program.address })
    }
}

/// Wei to send for the activation of a program that may not stand yet; 0 if it is active.
pub(super) async fn needed<P: Provider>(
    provider: &P,
    program: &Creation,
) -> Result<U256, DeployError> {
    let what = format!("reading the activation fee of the {}", program.what);
    if is_active(provider, program, &what).await? {
        return Ok(U256::ZERO);
    }
    data_fee(provider, program, &what).await
}

fn activation(program: Address) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(ARB_WASM)
        .with_input(ArbWasm::activateProgramCall { program }.abi_encode())
}

async fn is_active<P: Provider>(
    provider: &P,
    program: &Creation,
    what: &str,
) -> Result<bool, DeployError> {
    let call = ArbWasm::codehashVersionCall { codehash: keccak256(&program.code) };
    let request = TransactionRequest::default().with_to(ARB_WASM).with_input(call.abi_encode());
    match provider.call(request).await {
        Ok(_) => Ok(true),
        // Not activated, of an older version, or expired: a revert with data.
        Err(error) if error.as_error_resp().is_some_and(|answer| answer.code == 3) => Ok(false),
        Err(source) => Err(DeployError::Rpc { what: what.to_owned(), source }),
    }
}

/// Wei that activation costs now and a fifth more, by a dry run from an account that is rich
/// in it. The fee rises with what others activate meanwhile; the rest comes back.
async fn data_fee<P: Provider>(
    provider: &P,
    program: &Creation,
    what: &str,
) -> Result<U256, DeployError> {
    const PAYER: Address = Address::repeat_byte(0xa1);
    let ether = U256::from(10).pow(U256::from(18));
    let rich = AccountOverride::default().with_balance(ether * U256::from(1000));
    let request = activation(program.address).with_from(PAYER).with_value(ether);
    let standing = AccountOverride::default().with_code(program.code.clone());
    let overrides = StateOverride::from_iter([(PAYER, rich), (program.address, standing)]);
    let answer = rpc(what, provider.call(request).overrides(overrides).await)?;
    let fee = ArbWasm::activateProgramCall::abi_decode_returns(&answer)
        .map_err(|error| DeployError::Rpc {
            what: what.to_owned(),
            source: alloy::transports::TransportErrorKind::custom(error),
        })?
        .dataFee;
    Ok(fee + fee / U256::from(5))
}

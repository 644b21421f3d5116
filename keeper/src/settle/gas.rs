//! Gas limits of a settlement's operation, asked from the node and given room.
//!
//! An estimate holds the starts of the programs as the cache is at its block; limits hold them
//! uncached ([`starts`]). What an operation leaves unused of its execution limit is not free:
//! EntryPoint v0.8 keeps a tenth of all of it once it is above 40,000 gas. So the room beyond an
//! estimate is for an eviction or for changed balances, whichever is dearer, not for both at once.
//! Unused validation gas costs nothing.

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use bindings::AgentAccount;
use domain::bundle::handle_ops;
use domain::userop::PackedUserOperation;

use crate::chain::{Chain, ChainError};

mod starts;

pub(crate) use starts::{StartBook, Starts};

sol! {
    /// Arbitrum's estimator of what the parent chain costs; other chains have none.
    interface NodeInterface {
        function gasEstimateL1Component(address to, bool contractCreation, bytes data)
            external payable returns (uint64 gas, uint256 baseFee, uint256 l1BaseFee);
    }
}

/// Where Arbitrum nodes answer for `NodeInterface`.
const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");

/// What a transaction costs before it does anything.
const INTRINSIC: u64 = 21_000;
/// What the EntryPoint spends on an operation outside of every limit, rounded up.
const PER_OPERATION: u64 = 25_000;
/// What the EntryPoint's inner call takes from the execution limit's share.
const FLOOR: u64 = 50_000;
/// Most room for changed balances: a call that is estimated dearer than four times this creates
/// balances already, and none of these can get dearer. Little enough to stay free of the penalty.
const MOST_ROOM: u64 = 30_000;
/// What the EntryPoint counts as validation beside the account's own: the hash, and the first
/// write of a nonce slot.
const ENTRY_POINT_VALIDATION: u64 = 40_000;

/// A settlement that would fail now.
#[derive(Debug)]
pub(super) enum Estimate {
    /// Gas for the account's execution.
    Gas(u64),
    /// The call reverts, with this data.
    Reverts(Bytes),
}

/// Gas that the account's call takes, with room for what may change after that block.
pub(super) async fn execution(
    chain: &Chain,
    call_data: Bytes,
    starts: &Starts,
    at: BlockId,
) -> Result<Estimate, ChainError> {
    let evicted = starts.execution(chain, at).await?;
    match from_entry_point(chain, call_data, at).await {
        Ok(gas) => {
            let gas = gas.saturating_sub(starts.warmed());
            let room = margin(gas).min(MOST_ROOM).max(evicted);
            Ok(Estimate::Gas(gas.saturating_add(room).max(FLOOR)))
        }
        Err(Refusal::Reverts(data)) => Ok(Estimate::Reverts(data)),
        Err(Refusal::Failed(error)) => Err(error),
    }
}

/// Gas that the account's validation takes, with room for an uncached start and changes. The
/// signature may be any 65 bytes: a wrong one costs the same.
pub(super) async fn verification(
    chain: &Chain,
    op: &PackedUserOperation,
    starts: &Starts,
) -> Result<u64, ChainError> {
    let hash = op.hash(chain.config.entry_point, chain.config.chain_id);
    let call = AgentAccount::validateUserOpCall {
        userOp: AgentAccount::PackedUserOperation::abi_decode(&encode(op))
            .map_err(|error| ChainError::rpc("encoding an operation", &error))?,
        userOpHash: hash,
        // So little that the account has it: what counts is that it pays at all.
        missingAccountFunds: U256::ONE,
    };
    match from_entry_point(chain, call.abi_encode().into(), BlockId::latest()).await {
        Ok(gas) => {
            let gas = gas.saturating_add(margin(gas)).saturating_add(starts.validation());
            Ok(gas.max(FLOOR) + ENTRY_POINT_VALIDATION)
        }
        Err(Refusal::Reverts(data)) => Err(ChainError::Rpc {
            doing: "estimating the account's validation",
            reason: format!("it reverts with {data}"),
        }),
        Err(Refusal::Failed(error)) => Err(error),
    }
}

/// Gas that the operation pays for what no limit measures: its share of the transaction, its
/// calldata, and the parent chain's share.
pub(super) async fn overhead(
    chain: &Chain,
    op: &PackedUserOperation,
    bundler: Address,
) -> Result<u64, ChainError> {
    let data = handle_ops(std::slice::from_ref(op), bundler);
    Ok(INTRINSIC + calldata(&data) + PER_OPERATION + parent_chain(chain, data).await?)
}

/// Gas that the parent chain's share amounts to; 0 on chains without one.
pub(super) async fn parent_chain(chain: &Chain, data: Bytes) -> Result<u64, ChainError> {
    let call = NodeInterface::gasEstimateL1ComponentCall {
        to: chain.config.entry_point,
        contractCreation: false,
        data,
    };
    let request = TransactionRequest::default().to(NODE_INTERFACE).input(call.abi_encode().into());
    match chain.provider.call(request).block(BlockId::latest()).await {
        Ok(answer) => Ok(NodeInterface::gasEstimateL1ComponentCall::abi_decode_returns(&answer)
            .map_or(0, |estimate| estimate.gas)),
        // A node that answers at all, but not to this, has no parent chain.
        Err(error) if error.is_error_resp() => Ok(0),
        Err(error) => Err(ChainError::rpc("asking for the parent chain's share of gas", &error)),
    }
}

enum Refusal {
    Reverts(Bytes),
    Failed(ChainError),
}

/// Gas of the account's call alone, without what its transaction would cost.
async fn from_entry_point(chain: &Chain, data: Bytes, at: BlockId) -> Result<u64, Refusal> {
    let transaction = INTRINSIC + calldata(&data);
    let request = TransactionRequest::default()
        .from(chain.config.entry_point)
        .to(chain.account)
        .input(data.into());
    let gas = chain.provider.estimate_gas(request).block(at).await;
    let gas = gas.map_err(|error| {
        match error.as_error_resp().and_then(|answer| answer.as_revert_data()) {
            Some(data) => Refusal::Reverts(data),
            None => Refusal::Failed(ChainError::rpc("estimating gas", &error)),
        }
    })?;
    Ok(gas.saturating_sub(transaction))
}

/// Gas of a transaction's calldata.
fn calldata(data: &[u8]) -> u64 {
    data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum()
}

/// Estimates may be 1.5 % low, and state changes until the operation is mined.
const fn margin(gas: u64) -> u64 {
    gas / 4
}

/// The ABI encoding that every binding of the struct shares.
fn encode(op: &PackedUserOperation) -> Vec<u8> {
    bindings::PackedUserOperation {
        sender: op.sender,
        nonce: op.nonce,
        initCode: op.init_code.clone(),
        callData: op.call_data.clone(),
        accountGasLimits: op.account_gas_limits,
        preVerificationGas: op.pre_verification_gas,
        gasFees: op.gas_fees,
        paymasterAndData: op.paymaster_and_data.clone(),
        signature: op.signature.clone(),
    }
    .abi_encode()
}

//! What a smart account is told to do: `execute` calldata, built and strictly read back.
//!
//! Reading accepts only the one canonical encoding of each shape, so that whoever judges the
//! decoded calls judges exactly what the account will see.

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, U256, b256};
use alloy_sol_types::{SolCall, SolValue};

use crate::ids::PurchaseId;

mod sol {
    alloy_sol_types::sol! {
        function execute(address target, uint256 value, bytes data);

        struct BatchCall {
            address to;
            uint256 value;
            bytes data;
        }

        library Batch {
            function execute(bytes32 mode, bytes executionData);
        }

        struct Outcome {
            bytes32 orderHash;
            bool ok;
            uint96 charge;
            bytes32 resultHash;
            bytes32 receiptHash;
        }
        function settle(uint64 purchaseId, Outcome outcome);
    }
}

/// ERC-7821: a batch that fails as a whole, without operation data.
pub const BATCH_MODE: B256 =
    b256!("0100000000000000000000000000000000000000000000000000000000000000");
/// ERC-7821: the same with optional operation data.
pub const BATCH_OPDATA_MODE: B256 =
    b256!("0100000000007821000100000000000000000000000000000000000000000000");

/// Selectors of the calls known here.
pub mod selectors {
    use super::{SolCall, sol};

    /// `execute(address,uint256,bytes)`.
    pub const EXECUTE: [u8; 4] = sol::executeCall::SELECTOR;
    /// `execute(bytes32,bytes)` of ERC-7821.
    pub const EXECUTE_BATCH: [u8; 4] = sol::Batch::executeCall::SELECTOR;
    /// `settle(uint64,(bytes32,bool,uint96,bytes32,bytes32))` of the registry.
    pub const SETTLE: [u8; 4] = sol::settleCall::SELECTOR;
}

/// Calldata that is not one of the shapes an account executes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The selector is none of the account's `execute` functions.
    #[error("{0} is not the selector of a function that may be signed for")]
    UnknownSelector(Bytes),
    /// The selector is known, the rest is no canonical encoding of its arguments.
    #[error("the arguments of {0} are not canonically ABI-encoded")]
    Malformed(&'static str),
    /// An ERC-7821 mode other than the two atomic ones.
    #[error("unsupported execution mode {0}")]
    UnknownMode(B256),
    /// A batch that carries operation data.
    #[error("a batch with operation data is not supported")]
    OperationData,
    /// A batch without calls.
    #[error("the batch holds no call")]
    Empty,
}

/// One call that an account makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who is called.
    pub target: Address,
    /// Wei sent along.
    pub value: U256,
    /// Calldata.
    pub data: Bytes,
}

impl Call {
    /// The first four bytes of the calldata, if there are that many.
    pub fn selector(&self) -> Option<[u8; 4]> {
        self.data.first_chunk().copied()
    }

    /// Calldata of the account's `execute(address,uint256,bytes)` for this call.
    pub fn to_execute(&self) -> Bytes {
        sol::executeCall { target: self.target, value: self.value, data: self.data.clone() }
            .abi_encode()
            .into()
    }
}

/// Calldata of the account's ERC-7821 `execute(bytes32,bytes)` for an atomic batch.
pub fn encode_batch(calls: &[Call]) -> Bytes {
    let data = encode_calls(calls);
    sol::Batch::executeCall { mode: BATCH_MODE, executionData: data.into() }.abi_encode().into()
}

/// The calls that an account makes when called with `data`.
///
/// # Errors
/// When `data` is any other shape than `execute(address,uint256,bytes)` or an atomic ERC-7821
/// batch without operation data, canonically encoded.
pub fn decode_account_call(data: &[u8]) -> Result<Vec<Call>, CallError> {
    match data.first_chunk() {
        Some(&selectors::EXECUTE) => {
            let call: sol::executeCall = canonical(data, "execute(address,uint256,bytes)")?;
            Ok(vec![Call { target: call.target, value: call.value, data: call.data }])
        }
        Some(&selectors::EXECUTE_BATCH) => decode_batch(data),
        _ => Err(unknown_selector(data)),
    }
}

/// A decoded `settle` of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The purchase that ends.
    pub purchase: PurchaseId,
    /// What was bought by whom, as in `ExecutionReceipt::order_hash`: the registry refuses the
    /// settlement for any other order under that id.
    pub order_hash: B256,
    /// Whether the publisher is paid.
    pub ok: bool,
    /// What the buyer is charged, in wei.
    pub charge: U96,
    /// Hash of the result.
    pub result_hash: B256,
    /// Digest of the receipt.
    pub receipt_hash: B256,
}

impl Settlement {
    /// Calldata of the registry's `settle`.
    pub fn call_data(&self) -> Bytes {
        let outcome = sol::Outcome {
            orderHash: self.order_hash,
            ok: self.ok,
            charge: self.charge,
            resultHash: self.result_hash,
            receiptHash: self.receipt_hash,
        };
        sol::settleCall { purchaseId: self.purchase.0, outcome }.abi_encode().into()
    }

    /// Reads the registry's `settle` calldata.
    ///
    /// # Errors
    /// When the selector is another one or the arguments are not canonically encoded.
    pub fn decode(data: &[u8]) -> Result<Self, CallError> {
        if data.first_chunk() != Some(&selectors::SETTLE) {
            return Err(unknown_selector(data));
        }
        let call: sol::settleCall = canonical(data, "settle")?;
        Ok(Self {
            purchase: PurchaseId(call.purchaseId),
            order_hash: call.outcome.orderHash,
            ok: call.outcome.ok,
            charge: call.outcome.charge,
            result_hash: call.outcome.resultHash,
            receipt_hash: call.outcome.receiptHash,
        })
    }
}

fn decode_batch(data: &[u8]) -> Result<Vec<Call>, CallError> {
    const NAME: &str = "execute(bytes32,bytes)";
    let call: sol::Batch::executeCall = canonical(data, NAME)?;
    if call.mode != BATCH_MODE && call.mode != BATCH_OPDATA_MODE {
        return Err(CallError::UnknownMode(call.mode));
    }
    let calls = Vec::<sol::BatchCall>::abi_decode(&call.executionData);
    let calls: Vec<Call> = calls
        .map_err(|_| batch_error(&call, NAME))?
        .into_iter()
        .map(|call| Call { target: call.to, value: call.value, data: call.data })
        .collect();
    if encode_calls(&calls) != call.executionData.as_ref() {
        return Err(batch_error(&call, NAME));
    }
    if calls.is_empty() { Err(CallError::Empty) } else { Ok(calls) }
}

/// Tells a batch with operation data, which is merely unsupported, from a broken one.
fn batch_error(call: &sol::Batch::executeCall, name: &'static str) -> CallError {
    let with_data = <(Vec<sol::BatchCall>, Bytes)>::abi_decode_params(&call.executionData);
    if call.mode == BATCH_OPDATA_MODE && with_data.is_ok() {
        CallError::OperationData
    } else {
        CallError::Malformed(name)
    }
}

fn encode_calls(calls: &[Call]) -> Vec<u8> {
    let calls: Vec<_> = calls
        .iter()
        .map(|call| sol::BatchCall { to: call.target, value: call.value, data: call.data.clone() })
        .collect();
    calls.abi_encode()
}

/// Decodes and insists that encoding again gives the same bytes.
fn canonical<C: SolCall>(data: &[u8], name: &'static str) -> Result<C, CallError> {
    let call = C::abi_decode_validate(data).map_err(|_| CallError::Malformed(name))?;
    if call.abi_encode() == data { Ok(call) } else { Err(CallError::Malformed(name)) }
}

fn unknown_selector(data: &[u8]) -> CallError {
    CallError::UnknownSelector(Bytes::copy_from_slice(data.get(..4).unwrap_or(data)))
}

#[cfg(test)]
mod tests;

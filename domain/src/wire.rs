//! The conversation with the signer: requests, responses and the frames that carry them.

mod frame;

use std::fmt;

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

pub use frame::{FrameError, MAX_FRAME, decode_frame, encode_frame, read_frame, write_frame};

use crate::bundle::BundleTransaction;
use crate::receipt::ExecutionReceipt;
use crate::serde_text::quantity;
use crate::userop::PackedUserOperation;

/// What the signer can be asked. In JSON: `"info"`, or an object with one key, such as
/// `{"signReceipt": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// Which addresses the signer's keys have.
    Info,
    /// Sign a UserOperation of the keeper's smart account.
    SignUserOperation(SignUserOperation),
    /// Sign the transaction that hands operations to the EntryPoint.
    SignBundle(BundleTransaction),
    /// Sign an execution receipt.
    SignReceipt(SignReceipt),
}

/// A UserOperation to sign; its hash is computed by the signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignUserOperation {
    /// The chain that the operation is for.
    pub chain_id: u64,
    /// The EntryPoint that will check it.
    pub entry_point: Address,
    /// The operation; its signature field is ignored.
    pub user_op: PackedUserOperation,
}

/// A receipt to sign; its digest is computed by the signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignReceipt {
    /// Chain of the registry.
    pub chain_id: u64,
    /// The registry that the run was bought from.
    pub registry: Address,
    /// What is vouched for.
    pub receipt: ExecutionReceipt,
}

/// The policy's caps that a keeper has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignerCaps {
    /// Highest fee per gas, in wei, for operations and bundles.
    #[serde(with = "quantity")]
    pub max_fee_per_gas: u128,
    /// Most gas of one operation: the sum of its limits.
    pub max_operation_gas: u64,
    /// Most gas of one bundle transaction.
    pub max_bundle_gas: u64,
}

/// The signer's answer. In JSON an object with one key, such as `{"refused": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Response {
    /// The addresses of the two keys.
    Info {
        /// Owns the keeper's smart account.
        owner: Address,
        /// Sends bundles and pays their gas.
        bundler: Address,
        /// The policy's caps; signers before this field keep them to themselves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caps: Option<SignerCaps>,
    },
    /// A signed UserOperation.
    UserOperation {
        /// Its `userOpHash`.
        hash: B256,
        /// 65 bytes for the operation's signature field.
        signature: Bytes,
    },
    /// A signed bundle transaction.
    Bundle {
        /// Its transaction hash.
        hash: B256,
        /// The raw transaction, ready for `eth_sendRawTransaction`.
        raw: Bytes,
    },
    /// A signed receipt.
    Receipt {
        /// The digest.
        hash: B256,
        /// 65 bytes, `r || s || v`.
        signature: Bytes,
    },
    /// The signer will not do it.
    Refused {
        /// Why, for programs.
        code: RefusalCode,
        /// Why, for people: what was asked and what would be allowed.
        message: String,
    },
}

/// Why the signer refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The request could not be read.
    Malformed,
    /// The peer's user may not use the signer.
    PeerNotAllowed,
    /// Too many connections at once.
    Busy,
    /// Another chain than the policy's.
    WrongChain,
    /// Another EntryPoint than the policy's.
    WrongEntryPoint,
    /// Another smart account than the policy's.
    WrongAccount,
    /// Another registry than the policy's.
    WrongRegistry,
    /// A beneficiary that is not the bundler itself.
    WrongBeneficiary,
    /// The account's calldata has no shape that can be judged.
    UnknownCall,
    /// Target or selector is not on the allow list.
    CallNotAllowed,
    /// More wei than a call may send.
    ValueOverCap,
    /// More gas than an operation or bundle may use.
    GasOverCap,
    /// A higher fee per gas than allowed, or a tip above the fee.
    FeeOverCap,
    /// Account creation, EIP-7702 or a paymaster, none of which is signed for.
    UnsupportedOperation,
    /// The settlement's purchase is not the one of the operation's nonce.
    NonceMismatch,
    /// The account's nonce was used for other calldata.
    NonceUsed,
    /// An operation again, changed, or a bundler nonce for other operations, without higher fees.
    ReplacementUnderpriced,
    /// The bundle holds an operation that this signer did not sign, or none at all.
    UnknownOperation,
    /// Another receipt was already signed or settled for the purchase.
    ReceiptConflict,
    /// The receipt contradicts itself or was not made by the policy's account.
    InvalidReceipt,
    /// The day's budget is used up.
    BudgetExhausted,
    /// The signer failed itself; nothing was signed.
    Internal,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl RefusalCode {
    /// Whether the very same request, or one with the fees of another hour, may be granted later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::BudgetExhausted | Self::FeeOverCap | Self::Internal)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests;

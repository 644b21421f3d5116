//! ERC-4337 v0.8 UserOperations: the packed form, its EIP-712 hash and the readable form.

mod unpacked;

use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::{SolStruct, eip712_domain};
use serde::{Deserialize, Serialize};

pub use unpacked::{GasLimits, Paymaster, UnpackError, UserOperation};

/// The canonical EntryPoint v0.8, the same on every chain.
pub const ENTRY_POINT_V08: Address = address!("4337084D9E255Ff0702461CF8895CE9E3b5Ff108");

/// The two bytes (then 18 zero bytes) that begin the `initCode` of an EIP-7702 account.
const EIP7702_MARKER: [u8; 2] = [0x77, 0x02];

mod hashed {
    alloy_sol_types::sol! {
        /// The hashed form: everything but the signature.
        struct PackedUserOperation {
            address sender;
            uint256 nonce;
            bytes initCode;
            bytes callData;
            bytes32 accountGasLimits;
            uint256 preVerificationGas;
            bytes32 gasFees;
            bytes paymasterAndData;
        }
    }
}

/// A UserOperation as `handleOps` takes it, gas fields packed two to a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackedUserOperation {
    /// The smart account.
    pub sender: Address,
    /// 192-bit key, then 64-bit sequence.
    pub nonce: U256,
    /// Factory and its calldata; empty for an account that exists.
    pub init_code: Bytes,
    /// What the account is called with.
    pub call_data: Bytes,
    /// Verification gas limit, then call gas limit, 128 bits each.
    pub account_gas_limits: B256,
    /// Gas paid for what no limit measures (calldata, the bundle's overhead).
    pub pre_verification_gas: U256,
    /// Priority fee, then fee cap, per gas, 128 bits each.
    pub gas_fees: B256,
    /// Paymaster, its two gas limits and its data; empty when the account pays.
    pub paymaster_and_data: Bytes,
    /// What the account checks; never part of the hash.
    pub signature: Bytes,
}

impl PackedUserOperation {
    /// `userOpHash` of EntryPoint v0.8, which accounts sign without any further prefix.
    ///
    /// For an operation that [uses EIP-7702](Self::uses_eip7702) the EntryPoint hashes the
    /// delegate, which is not known here: such an operation has another hash than this.
    pub fn hash(&self, entry_point: Address, chain_id: u64) -> B256 {
        let domain = eip712_domain! {
            name: "ERC4337",
            version: "1",
            chain_id: chain_id,
            verifying_contract: entry_point,
        };
        let op = hashed::PackedUserOperation {
            sender: self.sender,
            nonce: self.nonce,
            initCode: self.init_code.clone(),
            callData: self.call_data.clone(),
            accountGasLimits: self.account_gas_limits,
            preVerificationGas: self.pre_verification_gas,
            gasFees: self.gas_fees,
            paymasterAndData: self.paymaster_and_data.clone(),
        };
        op.eip712_signing_hash(&domain)
    }

    /// Whether `initCode` carries the EIP-7702 marker.
    pub fn uses_eip7702(&self) -> bool {
        let start = self.init_code.get(..20).unwrap_or(&self.init_code);
        start.starts_with(&EIP7702_MARKER) && start[2..].iter().all(|byte| *byte == 0)
    }

    /// Gas limit of the account's validation.
    pub fn verification_gas_limit(&self) -> u128 {
        high(&self.account_gas_limits)
    }

    /// Gas limit of the account's execution.
    pub fn call_gas_limit(&self) -> u128 {
        low(&self.account_gas_limits)
    }

    /// Tip per gas, in wei.
    pub fn max_priority_fee_per_gas(&self) -> u128 {
        high(&self.gas_fees)
    }

    /// Most that is paid per gas, in wei.
    pub fn max_fee_per_gas(&self) -> u128 {
        low(&self.gas_fees)
    }

    /// Adds the account's signature.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<Bytes>) -> Self {
        self.signature = signature.into();
        self
    }
}

/// Two 128-bit numbers in one word, `high` first.
pub fn pack(high: u128, low: u128) -> B256 {
    B256::from((U256::from(high) << 128) | U256::from(low))
}

fn high(word: &B256) -> u128 {
    (U256::from_be_bytes(word.0) >> 128u32).to()
}

fn low(word: &B256) -> u128 {
    (U256::from_be_bytes(word.0) & U256::from(u128::MAX)).to()
}

#[cfg(test)]
mod tests;

//! The readable form of a UserOperation, and packing to and from the EntryPoint's form.

use alloy_primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use super::{PackedUserOperation, pack};
use crate::serde_text::quantity;

/// A packed operation whose variable fields are cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// `initCode` is neither empty nor at least an address.
    #[error("initCode has {0} bytes: expected none, or at least a factory's 20")]
    InitCode(usize),
    /// `paymasterAndData` is neither empty nor at least an address and two gas limits.
    #[error("paymasterAndData has {0} bytes: expected none, or at least 52")]
    Paymaster(usize),
}

/// Limits and fees of an operation; fees in wei per gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GasLimits {
    /// Gas for the account's validation.
    #[serde(with = "quantity")]
    pub verification_gas_limit: u128,
    /// Gas for the account's execution.
    #[serde(with = "quantity")]
    pub call_gas_limit: u128,
    /// Gas paid for what no limit measures.
    pub pre_verification_gas: U256,
    /// Most that is paid per gas.
    #[serde(with = "quantity")]
    pub max_fee_per_gas: u128,
    /// Tip per gas.
    #[serde(with = "quantity")]
    pub max_priority_fee_per_gas: u128,
}

/// Who pays for an operation instead of its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Paymaster {
    /// The paymaster contract.
    pub address: Address,
    /// Gas for its validation.
    #[serde(with = "quantity")]
    pub verification_gas_limit: u128,
    /// Gas for its `postOp`.
    #[serde(with = "quantity")]
    pub post_op_gas_limit: u128,
    /// What it is given.
    pub data: Bytes,
}

/// A UserOperation with every field apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserOperation {
    /// The smart account.
    pub sender: Address,
    /// 192-bit key, then 64-bit sequence.
    pub nonce: U256,
    /// The factory and its calldata, for an account that does not exist yet.
    pub factory: Option<(Address, Bytes)>,
    /// What the account is called with.
    pub call_data: Bytes,
    /// Limits and fees.
    pub gas: GasLimits,
    /// Who pays; the account itself if nobody else.
    pub paymaster: Option<Paymaster>,
    /// What the account checks.
    pub signature: Bytes,
}

impl UserOperation {
    /// An operation of an existing account, still without gas, paymaster and signature.
    pub fn new(sender: Address, nonce: U256, call_data: impl Into<Bytes>) -> Self {
        Self { sender, nonce, call_data: call_data.into(), ..Self::default() }
    }

    /// Sets limits and fees.
    #[must_use]
    pub fn with_gas(mut self, gas: GasLimits) -> Self {
        self.gas = gas;
        self
    }

    /// The most that the EntryPoint can take for this operation, in wei; saturating.
    pub fn max_cost(&self) -> U256 {
        self.total_gas().saturating_mul(U256::from(self.gas.max_fee_per_gas))
    }

    /// The sum of all gas limits; saturating.
    pub fn total_gas(&self) -> U256 {
        let paymaster = self.paymaster.as_ref().map_or(U256::ZERO, |paymaster| {
            U256::from(paymaster.verification_gas_limit) + U256::from(paymaster.post_op_gas_limit)
        });
        let limits =
            U256::from(self.gas.verification_gas_limit) + U256::from(self.gas.call_gas_limit);
        self.gas.pre_verification_gas.saturating_add(limits + paymaster)
    }

    /// The EntryPoint's form.
    pub fn pack(&self) -> PackedUserOperation {
        let gas = &self.gas;
        PackedUserOperation {
            sender: self.sender,
            nonce: self.nonce,
            init_code: self.factory.as_ref().map_or_else(Bytes::new, |(factory, data)| {
                [factory.as_slice(), data].concat().into()
            }),
            call_data: self.call_data.clone(),
            account_gas_limits: pack(gas.verification_gas_limit, gas.call_gas_limit),
            pre_verification_gas: gas.pre_verification_gas,
            gas_fees: pack(gas.max_priority_fee_per_gas, gas.max_fee_per_gas),
            paymaster_and_data: self.paymaster.as_ref().map_or_else(Bytes::new, |paymaster| {
                let limits = pack(paymaster.verification_gas_limit, paymaster.post_op_gas_limit);
                [paymaster.address.as_slice(), limits.as_slice(), &paymaster.data].concat().into()
            }),
            signature: self.signature.clone(),
        }
    }
}

impl PackedUserOperation {
    /// The readable form.
    ///
    /// # Errors
    /// When `initCode` or `paymasterAndData` is too short for what it must begin with.
    pub fn unpack(&self) -> Result<UserOperation, UnpackError> {
        Ok(UserOperation {
            sender: self.sender,
            nonce: self.nonce,
            factory: self.factory()?,
            call_data: self.call_data.clone(),
            gas: GasLimits {
                verification_gas_limit: self.verification_gas_limit(),
                call_gas_limit: self.call_gas_limit(),
                pre_verification_gas: self.pre_verification_gas,
                max_fee_per_gas: self.max_fee_per_gas(),
                max_priority_fee_per_gas: self.max_priority_fee_per_gas(),
            },
            paymaster: self.paymaster()?,
            signature: self.signature.clone(),
        })
    }

    fn factory(&self) -> Result<Option<(Address, Bytes)>, UnpackError> {
        match self.init_code.split_at_checked(20) {
            _ if self.init_code.is_empty() => Ok(None),
            Some((address, _)) => {
                Ok(Some((Address::from_slice(address), self.init_code.slice(20..))))
            }
            None => Err(UnpackError::InitCode(self.init_code.len())),
        }
    }

    fn paymaster(&self) -> Result<Option<Paymaster>, UnpackError> {
        let data = &self.paymaster_and_data;
        if data.is_empty() {
            return Ok(None);
        }
        let (Some(address), Some(verification), Some(post_op)) =
            (data.get(..20), data.get(20..36), data.get(36..52))
        else {
            return Err(UnpackError::Paymaster(data.len()));
        };
        Ok(Some(Paymaster {
            address: Address::from_slice(address),
            verification_gas_limit: U256::from_be_slice(verification).to(),
            post_op_gas_limit: U256::from_be_slice(post_op).to(),
            data: data.slice(52..),
        }))
    }
}

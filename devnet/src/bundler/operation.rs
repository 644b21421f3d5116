//! User operations in the unpacked JSON form of ERC-7769.

use super::BundlerError;
use super::contract::{PackedUserOperation, signed};
use crate::genesis::ENTRY_POINT;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, B256, Bytes, U128, U256};
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};
use serde::{Deserialize, Serialize};

/// A factory that stands for "the sender delegates by EIP-7702".
const DELEGATION: [u8; 2] = [0x77, 0x02];
/// Most gas that all limits of one operation may offer together.
const MOST_GAS: u128 = 30_000_000;

/// A user operation. In an estimate, the gas fields and fees may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserOperation {
    /// The account.
    pub sender: Address,
    /// Key in the upper 192 bits, sequence in the lower 64.
    pub nonce: U256,
    /// Creates the account; `0x7702` for a delegating one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory: Option<Bytes>,
    /// Input of the factory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory_data: Option<Bytes>,
    /// What the account is called with.
    pub call_data: Bytes,
    /// Gas of that call.
    #[serde(default)]
    pub call_gas_limit: U128,
    /// Gas of validation, and of creating the account.
    #[serde(default)]
    pub verification_gas_limit: U128,
    /// Gas that the EntryPoint cannot measure.
    #[serde(default)]
    pub pre_verification_gas: U256,
    /// Fee cap in wei per gas.
    #[serde(default)]
    pub max_fee_per_gas: U128,
    /// Tip in wei per gas.
    #[serde(default)]
    pub max_priority_fee_per_gas: U128,
    /// Pays instead of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paymaster: Option<Address>,
    /// Gas of the paymaster's validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paymaster_verification_gas_limit: Option<U128>,
    /// Gas of the paymaster after the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paymaster_post_op_gas_limit: Option<U128>,
    /// What the paymaster is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paymaster_data: Option<Bytes>,
    /// The account's proof of consent.
    #[serde(default)]
    pub signature: Bytes,
    /// Delegation of the sender that the bundle has to carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eip7702_auth: Option<SignedAuthorization>,
}

impl UserOperation {
    /// Finds what is wrong whatever the chain's state is.
    pub fn check(&self, chain_id: u64) -> Result<(), BundlerError> {
        let wrong = |what: &str| Err(BundlerError::Invalid(what.to_owned()));
        match &self.factory {
            Some(factory) if factory.len() != 20 && !self.delegates() => {
                return wrong("factory must be an address, or 0x7702");
            }
            None if self.factory_data.as_ref().is_some_and(|data| !data.is_empty()) => {
                return wrong("factoryData without factory");
            }
            _ => {}
        }
        let of_paymaster = [
            self.paymaster_verification_gas_limit.is_some_and(|gas| !gas.is_zero()),
            self.paymaster_post_op_gas_limit.is_some_and(|gas| !gas.is_zero()),
            self.paymaster_data.as_ref().is_some_and(|data| !data.is_empty()),
        ];
        if self.paymaster.is_none() && of_paymaster.contains(&true) {
            return wrong("paymaster fields without paymaster");
        }
        if self.max_priority_fee_per_gas > self.max_fee_per_gas {
            return wrong("maxPriorityFeePerGas is higher than maxFeePerGas");
        }
        if self.gas() > U256::from(MOST_GAS) {
            return wrong(&format!("the gas limits together exceed {MOST_GAS}"));
        }
        match &self.eip7702_auth {
            Some(auth) if !auth.chain_id.is_zero() && auth.chain_id != U256::from(chain_id) => {
                wrong(&format!("eip7702Auth is for chain {}, not {chain_id}", auth.chain_id))
            }
            Some(auth) if auth.recover_authority().ok() != Some(self.sender) => {
                wrong("eip7702Auth is not signed by the sender")
            }
            _ => Ok(()),
        }
    }

    /// All gas that it offers.
    pub fn gas(&self) -> U256 {
        let limits = [
            self.call_gas_limit,
            self.verification_gas_limit,
            self.paymaster_verification_gas_limit.unwrap_or_default(),
            self.paymaster_post_op_gas_limit.unwrap_or_default(),
        ];
        limits
            .iter()
            .fold(self.pre_verification_gas, |sum, limit| sum.saturating_add(U256::from(*limit)))
    }

    /// Whether the factory is the mark of EIP-7702.
    fn delegates(&self) -> bool {
        self.factory.as_ref().is_some_and(|factory| {
            factory.starts_with(&DELEGATION) && factory[2..].iter().all(|byte| *byte == 0)
        })
    }

    fn init_code(&self) -> Vec<u8> {
        let Some(factory) = &self.factory else { return Vec::new() };
        let mut code = factory.to_vec();
        code.resize(20, 0);
        code.extend(self.factory_data.iter().flatten());
        code
    }

    fn paymaster_and_data(&self) -> Vec<u8> {
        let Some(paymaster) = self.paymaster else { return Vec::new() };
        let mut packed = paymaster.to_vec();
        for limit in [self.paymaster_verification_gas_limit, self.paymaster_post_op_gas_limit] {
            packed.extend(limit.unwrap_or_default().to_be_bytes::<16>());
        }
        packed.extend(self.paymaster_data.iter().flatten());
        packed
    }

    /// The form that the EntryPoint takes.
    pub fn pack(&self) -> PackedUserOperation {
        PackedUserOperation {
            sender: self.sender,
            nonce: self.nonce,
            initCode: self.init_code().into(),
            callData: self.call_data.clone(),
            accountGasLimits: pair(self.verification_gas_limit, self.call_gas_limit),
            preVerificationGas: self.pre_verification_gas,
            gasFees: pair(self.max_priority_fee_per_gas, self.max_fee_per_gas),
            paymasterAndData: self.paymaster_and_data().into(),
            signature: self.signature.clone(),
        }
    }

    /// The form that the EntryPoint takes, unpacked again.
    pub fn unpack(packed: PackedUserOperation, auth: Option<SignedAuthorization>) -> Self {
        let (init, paying) = (&packed.initCode, &packed.paymasterAndData);
        let (verification_gas_limit, call_gas_limit) = split(packed.accountGasLimits);
        let (max_priority_fee_per_gas, max_fee_per_gas) = split(packed.gasFees);
        let limit = |at: usize| paying.get(at..at + 16).map(U128::from_be_slice);
        Self {
            sender: packed.sender,
            nonce: packed.nonce,
            factory: (init.len() >= 20).then(|| init.slice(..20)),
            factory_data: (init.len() >= 20).then(|| init.slice(20..)),
            call_data: packed.callData,
            call_gas_limit,
            verification_gas_limit,
            pre_verification_gas: packed.preVerificationGas,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            paymaster: paying.get(..20).map(Address::from_slice),
            paymaster_verification_gas_limit: limit(20),
            paymaster_post_op_gas_limit: limit(36),
            paymaster_data: (paying.len() >= 52).then(|| paying.slice(52..)),
            signature: packed.signature,
            eip7702_auth: auth,
        }
    }

    /// The operation's hash; `delegate` is what the sender delegates to (EIP-7702).
    pub fn hash(&self, chain_id: u64, delegate: Option<Address>) -> B256 {
        let packed = self.pack();
        let init_code = match delegate {
            Some(delegate) if self.delegates() => {
                [delegate.as_slice(), &packed.initCode[20..]].concat().into()
            }
            _ => packed.initCode,
        };
        let domain: Eip712Domain = eip712_domain! {
            name: "ERC4337",
            version: "1",
            chain_id: chain_id,
            verifying_contract: ENTRY_POINT,
        };
        signed::PackedUserOperation {
            sender: packed.sender,
            nonce: packed.nonce,
            initCode: init_code,
            callData: packed.callData,
            accountGasLimits: packed.accountGasLimits,
            preVerificationGas: packed.preVerificationGas,
            gasFees: packed.gasFees,
            paymasterAndData: packed.paymasterAndData,
        }
        .eip712_signing_hash(&domain)
    }
}

fn pair(high: U128, low: U128) -> B256 {
    let mut packed = B256::ZERO;
    packed[..16].copy_from_slice(&high.to_be_bytes::<16>());
    packed[16..].copy_from_slice(&low.to_be_bytes::<16>());
    packed
}

fn split(packed: B256) -> (U128, U128) {
    (U128::from_be_slice(&packed[..16]), U128::from_be_slice(&packed[16..]))
}

//! Whether a UserOperation may be signed.

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use domain::calls::{Call, Settlement, decode_account_call, selectors};
use domain::userop::UserOperation;
use domain::wire::{RefusalCode, SignUserOperation};

use super::{Allowed, Policy};
use crate::journal::ReceiptKey;
use crate::refusal::Refusal;

/// An operation that the policy allows, with what the journal must know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedOperation {
    /// The `userOpHash`, recomputed.
    pub hash: B256,
    /// The chain.
    pub chain_id: u64,
    /// The EntryPoint.
    pub entry_point: Address,
    /// The account.
    pub sender: Address,
    /// Its nonce.
    pub nonce: U256,
    /// Hash of what the account is called with.
    pub call_data_hash: B256,
    /// Fee per gas, in wei.
    pub max_fee: u128,
    /// Tip per gas, in wei.
    pub tip: u128,
    /// The most that the operation can cost the account, in wei: gas and value.
    pub cost: U256,
    /// The receipt that it settles by, if it settles a purchase.
    pub settles: Option<ReceiptKey>,
}

impl Policy {
    /// Checks an operation.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn operation(&self, request: &SignUserOperation) -> Result<ApprovedOperation, Refusal> {
        self.check_chain(request.chain_id)?;
        self.check_entry_point(request.entry_point)?;
        let packed = &request.user_op;
        if packed.sender != self.account {
            let message = format!("account {} is not the policy's {}", packed.sender, self.account);
            return Err(Refusal::new(RefusalCode::WrongAccount, message));
        }
        if !packed.init_code.is_empty() || !packed.paymaster_and_data.is_empty() {
            let message = "operations with initCode or a paymaster are not signed";
            return Err(Refusal::new(RefusalCode::UnsupportedOperation, message));
        }
        let op = packed
            .unpack()
            .map_err(|error| Refusal::new(RefusalCode::UnsupportedOperation, error.to_string()))?;
        self.check_gas(&op)?;
        let calls = decode_account_call(&op.call_data)
            .map_err(|error| Refusal::new(RefusalCode::UnknownCall, error.to_string()))?;
        let value = self.check_value(&calls)?;
        let settles = self.check_calls(&calls, op.nonce)?;
        Ok(ApprovedOperation {
            hash: packed.hash(request.entry_point, request.chain_id),
            chain_id: request.chain_id,
            entry_point: request.entry_point,
            sender: op.sender,
            nonce: op.nonce,
            call_data_hash: keccak256(&op.call_data),
            max_fee: op.gas.max_fee_per_gas,
            tip: op.gas.max_priority_fee_per_gas,
            cost: op.max_cost().saturating_add(value),
            settles,
        })
    }

    fn check_gas(&self, op: &UserOperation) -> Result<(), Refusal> {
        let gas = op.total_gas();
        if gas > U256::from(self.max_operation_gas) {
            let message = format!(
                "the operation's gas limits sum up to {gas}, over the cap of {}",
                self.max_operation_gas
            );
            return Err(Refusal::new(RefusalCode::GasOverCap, message));
        }
        self.check_fees(op.gas.max_fee_per_gas, op.gas.max_priority_fee_per_gas)
    }

    fn check_value(&self, calls: &[Call]) -> Result<U256, Refusal> {
        let value = calls.iter().fold(U256::ZERO, |sum, call| sum.saturating_add(call.value));
        if value > self.max_value {
            let message = format!("sends {value} wei, over the cap of {} wei", self.max_value);
            return Err(Refusal::new(RefusalCode::ValueOverCap, message));
        }
        Ok(value)
    }

    fn check_calls(&self, calls: &[Call], nonce: U256) -> Result<Option<ReceiptKey>, Refusal> {
        if let [call] = calls
            && call.target == self.registry
            && call.selector() == Some(selectors::SETTLE)
        {
            return self.check_settlement(call, nonce).map(Some);
        }
        for call in calls {
            let rule = call.selector().map(|selector| Allowed { target: call.target, selector });
            if !rule.is_some_and(|rule| self.allow.contains(&rule)) {
                let selector = call.data.get(..4).unwrap_or(&call.data);
                let message = format!(
                    "calling {} with selector 0x{} is not allowed (and settle only alone, at {})",
                    call.target,
                    hex::encode(selector),
                    self.registry
                );
                return Err(Refusal::new(RefusalCode::CallNotAllowed, message));
            }
        }
        Ok(None)
    }

    fn check_settlement(&self, call: &Call, nonce: U256) -> Result<ReceiptKey, Refusal> {
        let settlement = Settlement::decode(&call.data)
            .map_err(|error| Refusal::new(RefusalCode::UnknownCall, error.to_string()))?;
        let purchase = settlement.purchase;
        let key = purchase.nonce_key(settlement.order_hash);
        if purchase.0 == 0 || nonce >> 64u32 != key {
            let message = format!(
                "nonce {nonce:#x} does not belong to this order of purchase {purchase}: its key \
                 must be {key:#x}"
            );
            return Err(Refusal::new(RefusalCode::NonceMismatch, message));
        }
        if !call.value.is_zero() {
            return Err(Refusal::new(RefusalCode::ValueOverCap, "settle takes no value"));
        }
        Ok(ReceiptKey {
            registry: self.registry,
            purchase,
            order_hash: settlement.order_hash,
            digest: settlement.receipt_hash,
        })
    }
}

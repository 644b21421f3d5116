//! The transaction that carries UserOperations: `handleOps` sent by a bundler's own account.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use serde::{Deserialize, Serialize};

use crate::serde_text::quantity;
use crate::userop::PackedUserOperation;

mod sol {
    alloy_sol_types::sol! {
        struct PackedUserOperation {
            address sender;
            uint256 nonce;
            bytes initCode;
            bytes callData;
            bytes32 accountGasLimits;
            uint256 preVerificationGas;
            bytes32 gasFees;
            bytes paymasterAndData;
            bytes signature;
        }
        function handleOps(PackedUserOperation[] ops, address beneficiary);
    }
}

/// The full meaning of a bundle: an EIP-1559 transaction to the EntryPoint that sends no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleTransaction {
    /// The chain that the transaction is for.
    pub chain_id: u64,
    /// The bundler's account nonce.
    pub nonce: u64,
    /// Gas limit of the whole transaction.
    pub gas_limit: u64,
    /// Most that is paid per gas, in wei.
    #[serde(with = "quantity")]
    pub max_fee_per_gas: u128,
    /// Tip per gas, in wei.
    #[serde(with = "quantity")]
    pub max_priority_fee_per_gas: u128,
    /// The contract called.
    pub entry_point: Address,
    /// Signed operations, in their order.
    pub ops: Vec<PackedUserOperation>,
    /// Who receives what the accounts pay for gas.
    pub beneficiary: Address,
}

impl BundleTransaction {
    /// The calldata of `handleOps`.
    pub fn call_data(&self) -> Bytes {
        handle_ops(&self.ops, self.beneficiary)
    }

    /// The most that the bundler's account can pay for this transaction, in wei.
    pub fn max_cost(&self) -> U256 {
        U256::from(self.gas_limit) * U256::from(self.max_fee_per_gas)
    }

    /// The hashes of the operations, in their order.
    pub fn user_op_hashes(&self) -> Vec<B256> {
        self.ops.iter().map(|op| op.hash(self.entry_point, self.chain_id)).collect()
    }
}

/// The calldata of `handleOps(ops, beneficiary)`.
pub fn handle_ops(ops: &[PackedUserOperation], beneficiary: Address) -> Bytes {
    let ops = ops.iter().map(|op| sol::PackedUserOperation {
        sender: op.sender,
        nonce: op.nonce,
        initCode: op.init_code.clone(),
        callData: op.call_data.clone(),
        accountGasLimits: op.account_gas_limits,
        preVerificationGas: op.pre_verification_gas,
        gasFees: op.gas_fees,
        paymasterAndData: op.paymaster_and_data.clone(),
        signature: op.signature.clone(),
    });
    sol::handleOpsCall { ops: ops.collect(), beneficiary }.abi_encode().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calldata_has_the_entry_points_selector_and_decodes_to_the_same() {
        let op = PackedUserOperation {
            sender: Address::repeat_byte(1),
            nonce: U256::from(9),
            call_data: vec![1, 2, 3].into(),
            signature: vec![4; 65].into(),
            ..Default::default()
        };
        let data = handle_ops(&[op.clone(), op], Address::repeat_byte(7));
        // `cast sig 'handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)'`
        assert_eq!(data[..4], [0x76, 0x5e, 0x82, 0x7f]);
        let call = sol::handleOpsCall::abi_decode_validate(&data).unwrap();
        assert_eq!((call.ops.len(), call.beneficiary), (2, Address::repeat_byte(7)));
        assert_eq!(call.ops[1].callData.as_ref(), [1, 2, 3]);
    }
}

//! Operations that are mined, found by the EntryPoint's events.

use super::UserOperation;
use super::contract::EntryPoint::{BeforeExecution, UserOperationEvent};
use super::contract::handleOpsCall;
use super::simulate::{decode, revert_reason};
use crate::chain::{Block, Chain};
use crate::genesis::ENTRY_POINT;
use alloy::consensus::Transaction;
use alloy::primitives::{Address, B256, BloomInput, Bytes, U64, U256};
use alloy::rpc::types::Log;
use alloy::sol_types::SolCall;
use serde::Serialize;
use std::sync::Arc;

/// Where an operation is on the chain.
#[derive(Debug, Clone)]
pub struct FoundOperation {
    /// The block.
    pub block: Arc<Block>,
    /// The transaction's index in the block.
    pub index: usize,
    /// The index among the transaction's logs of the operation's event.
    event: usize,
    outcome: UserOperationEvent,
}

/// What `eth_getUserOperationReceipt` answers; `R` is the transaction's receipt.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationReceipt<R> {
    user_op_hash: B256,
    entry_point: Address,
    sender: Address,
    nonce: U256,
    #[serde(skip_serializing_if = "Option::is_none")]
    paymaster: Option<Address>,
    actual_gas_cost: U256,
    actual_gas_used: U256,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Bytes>,
    logs: Vec<Log>,
    receipt: R,
}

/// What `eth_getUserOperationByHash` answers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationPlace {
    /// The operation.
    pub user_operation: UserOperation,
    /// Where it was sent to.
    pub entry_point: Address,
    /// The block that holds it, if one does.
    pub block_number: Option<U64>,
    /// That block's hash.
    pub block_hash: Option<B256>,
    /// The transaction that carries it.
    pub transaction_hash: Option<B256>,
}

impl OperationPlace {
    /// Of an operation that waits.
    pub fn waiting(op: UserOperation) -> Self {
        Self {
            user_operation: op,
            entry_point: ENTRY_POINT,
            block_number: None,
            block_hash: None,
            transaction_hash: None,
        }
    }
}

/// Looks for an operation, from the latest block on.
pub fn find(chain: &Chain, hash: B256) -> Option<FoundOperation> {
    (0..=chain.height()).rev().filter_map(|number| chain.block(number)).find_map(|block| {
        let bloom = &block.header.logs_bloom;
        if !bloom.contains_input(BloomInput::Raw(hash.as_slice())) {
            return None;
        }
        let receipts = block.receipts.iter().enumerate();
        receipts.into_iter().find_map(|(index, receipt)| {
            let mut logs = receipt.envelope.logs().iter().enumerate();
            let (event, outcome) = logs.find_map(|(event, log)| {
                let outcome = decode::<UserOperationEvent>(log)?;
                (outcome.userOpHash == hash).then_some((event, outcome))
            })?;
            Some(FoundOperation { block: block.clone(), index, event, outcome })
        })
    })
}

impl FoundOperation {
    /// The operation's receipt, with that of its transaction.
    pub fn receipt<R>(&self, receipt: R) -> OperationReceipt<R> {
        let mut logs = self.block.logs_of(self.index);
        logs.truncate(self.event);
        let begins = |log: &Log| {
            decode::<UserOperationEvent>(&log.inner).is_some()
                || decode::<BeforeExecution>(&log.inner).is_some()
        };
        let start = logs.iter().rposition(begins).map_or(0, |last| last + 1);
        let logs = logs.split_off(start);
        let UserOperationEvent {
            userOpHash,
            sender,
            paymaster,
            nonce,
            success,
            actualGasCost,
            actualGasUsed,
        } = self.outcome;
        OperationReceipt {
            user_op_hash: userOpHash,
            entry_point: ENTRY_POINT,
            sender,
            nonce,
            paymaster: (!paymaster.is_zero()).then_some(paymaster),
            actual_gas_cost: actualGasCost,
            actual_gas_used: actualGasUsed,
            success,
            reason: logs.iter().find_map(|log| revert_reason(&log.inner)),
            logs,
            receipt,
        }
    }

    /// The operation, if its transaction calls the EntryPoint directly.
    pub fn place(&self) -> Option<OperationPlace> {
        let tx = self.block.txs.get(self.index)?;
        let call = handleOpsCall::abi_decode(tx.envelope().input()).ok()?;
        let same = |op: &super::PackedUserOperation| {
            (op.sender, op.nonce) == (self.outcome.sender, self.outcome.nonce)
        };
        let packed = call.ops.into_iter().find(same)?;
        let auths = tx.envelope().authorization_list().unwrap_or_default();
        let by_sender = |auth: &&alloy::eips::eip7702::SignedAuthorization| {
            auth.recover_authority().ok() == Some(packed.sender)
        };
        let auth = auths.iter().find(by_sender).cloned();
        Some(OperationPlace {
            user_operation: UserOperation::unpack(packed, auth),
            entry_point: ENTRY_POINT,
            block_number: Some(U64::from(self.block.number())),
            block_hash: Some(self.block.hash()),
            transaction_hash: Some(tx.hash()),
        })
    }
}

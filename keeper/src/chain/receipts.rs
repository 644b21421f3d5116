//! What became of a transaction and of the operations in it.

use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use bindings::IEntryPoint;
use domain::job::BlockRef;

use super::client::Chain;
use super::error::{ChainError, Doing};

/// How one operation of a mined bundle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpResult {
    /// Its `UserOperationEvent` says success.
    Succeeded,
    /// Its `UserOperationEvent` says that the account's call failed.
    Failed,
    /// The transaction holds no event of it: the bundle failed as a whole.
    Absent,
}

impl Chain {
    /// The receipt of a transaction and its block, if it is mined.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn mined(
        &self,
        tx: B256,
    ) -> Result<Option<(TransactionReceipt, BlockRef)>, ChainError> {
        let receipt = self.provider.get_transaction_receipt(tx).await;
        let receipt = receipt.doing("asking for a receipt")?;
        Ok(receipt.and_then(|receipt| {
            let block = BlockRef { number: receipt.block_number?, hash: receipt.block_hash? };
            Some((receipt, block))
        }))
    }

    /// What a receipt says about an operation.
    pub fn op_result(&self, receipt: &TransactionReceipt, op_hash: B256) -> OpResult {
        let logs = receipt.logs().iter().filter(|log| log.address() == self.config.entry_point);
        let event = logs
            .filter_map(|log| IEntryPoint::UserOperationEvent::decode_log(&log.inner).ok())
            .find(|event| event.userOpHash == op_hash);
        match event {
            Some(event) if event.success => OpResult::Succeeded,
            Some(_) => OpResult::Failed,
            None => OpResult::Absent,
        }
    }
}

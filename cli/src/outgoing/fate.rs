//! Questions to a node about one transaction.

use alloy::{
    primitives::{Address, TxHash},
    providers::Provider,
    rpc::types::TransactionReceipt,
    transports::TransportResult,
};
use serde_json::Value;

/// What the node knows of a transaction.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It is in a block.
    Mined(Box<TransactionReceipt>),
    /// The node holds it and has not mined it.
    Waiting,
    /// The node does not know it.
    Unknown,
}

/// Looks a transaction up.
pub(super) async fn look_up(provider: &impl Provider, hash: TxHash) -> TransportResult<Fate> {
    let receipt = provider.get_transaction_receipt(hash).await?;
    if let Some(receipt) = receipt.filter(|receipt| is_mined(receipt, hash)) {
        return Ok(Fate::Mined(Box::new(receipt)));
    }
    let known: Option<Value> =
        provider.client().request("eth_getTransactionByHash", (hash,)).await?;
    Ok(if known.is_some_and(|known| known.is_object()) { Fate::Waiting } else { Fate::Unknown })
}

/// Tells whether a receipt is that of the transaction and names its block.
pub(super) fn is_mined(receipt: &TransactionReceipt, hash: TxHash) -> bool {
    receipt.transaction_hash == hash && receipt.block_number.is_some()
}

/// Tells whether the chain has a transaction of that account and nonce.
pub(super) async fn is_nonce_used(
    provider: &impl Provider,
    from: Address,
    nonce: u64,
) -> TransportResult<bool> {
    Ok(provider.get_transaction_count(from).latest().await? > nonce)
}

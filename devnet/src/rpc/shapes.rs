//! Blocks, transactions and receipts as JSON-RPC shows them, with Arbitrum's extra fields.

use crate::chain::Block;
use crate::tx::Tx;
use alloy::consensus::transaction::TransactionInfo;
use alloy::consensus::{ReceiptEnvelope, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{B256, U64, U256};
use alloy::rpc::types::{
    Block as BlockShape, BlockTransactions, Header, Log, Transaction, TransactionReceipt,
};
use serde::Serialize;

/// A value with Arbitrum's block fields.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WithBlockFields<T> {
    #[serde(flatten)]
    inner: T,
    l1_block_number: U64,
    send_root: B256,
    send_count: U64,
}

/// A receipt with Arbitrum's fields.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcReceipt {
    #[serde(flatten)]
    inner: TransactionReceipt<ReceiptEnvelope<Log>>,
    gas_used_for_l1: U64,
    l1_block_number: U64,
}

/// A block as shown to clients.
pub type RpcBlock = WithBlockFields<BlockShape<Transaction, Header>>;
/// A header as shown to subscribers.
pub type RpcHeader = WithBlockFields<Header>;

fn with_fields<T>(block: &Block, inner: T) -> WithBlockFields<T> {
    WithBlockFields {
        inner,
        l1_block_number: U64::from(block.l1_number),
        send_root: block.send_root(),
        send_count: U64::from(block.send_count()),
    }
}

/// A header with its hash and the block's size in bytes.
pub fn header(block: &Block) -> RpcHeader {
    with_fields(block, plain_header(block))
}

fn plain_header(block: &Block) -> Header {
    let payload: usize = block.txs.iter().map(|tx| tx.envelope().encode_2718_len()).sum();
    let size = alloy::rlp::Encodable::length(block.header.inner()) + payload;
    Header::from_consensus(block.header.clone(), None, Some(U256::from(size)))
}

/// A block with transaction hashes or whole transactions.
pub fn block(block: &Block, full: bool) -> RpcBlock {
    let transactions = if full {
        BlockTransactions::Full((0..block.txs.len()).filter_map(|i| mined(block, i)).collect())
    } else {
        BlockTransactions::Hashes(block.txs.iter().map(Tx::hash).collect())
    };
    with_fields(block, BlockShape::new(plain_header(block), transactions))
}

/// A mined transaction.
pub fn mined(block: &Block, index: usize) -> Option<Transaction> {
    let tx = block.txs.get(index)?;
    let info = TransactionInfo {
        hash: Some(tx.hash()),
        index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        base_fee: Some(block.base_fee()),
        block_timestamp: Some(block.header.timestamp),
    };
    let mut shape = Transaction::from_transaction(tx.recovered().clone(), info);
    shape.effective_gas_price = Some(u128::from(block.base_fee()));
    Some(shape)
}

/// A transaction that waits for a block.
pub fn waiting(tx: &Tx) -> Transaction<TxEnvelope> {
    Transaction::from_transaction(tx.recovered().clone(), TransactionInfo::default())
}

/// A mined transaction's receipt.
pub fn receipt(block: &Block, index: usize) -> Option<RpcReceipt> {
    let (tx, receipt) = (block.txs.get(index)?, block.receipts.get(index)?);
    let mut logs = block.logs_of(index).into_iter();
    let to = alloy::consensus::Transaction::to(tx.envelope());
    let inner = TransactionReceipt {
        inner: receipt
            .envelope
            .clone()
            .map_logs(|log| logs.next().unwrap_or(Log { inner: log, ..Log::default() })),
        transaction_hash: tx.hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        gas_used: receipt.gas_used,
        effective_gas_price: receipt.effective_gas_price,
        blob_gas_used: None,
        blob_gas_price: None,
        from: tx.sender(),
        to,
        contract_address: receipt.contract_address,
    };
    Some(RpcReceipt {
        inner,
        gas_used_for_l1: U64::from(receipt.gas_used_for_l1),
        l1_block_number: U64::from(block.l1_number),
    })
}

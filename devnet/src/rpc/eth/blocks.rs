//! Blocks and what they contain.

use crate::chain::Chain;
use crate::rpc::args::Args;
use crate::rpc::error::RpcResult;
use crate::rpc::registry::{Registered, Registry};
use crate::rpc::shapes::{self, RpcBlock, RpcReceipt};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, U64};
use alloy::rpc::types::Transaction;
use serde_json::Value;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getBlockByNumber"], |node, mut args| async move {
        let block = number(&mut args)?;
        let full = args.optional()?.unwrap_or(false);
        node.with(move |chain| block_of(chain, block, full)).await
    })?;
    registry.method(&["eth_getBlockByHash"], |node, mut args| async move {
        let block = hash(&mut args)?;
        let full = args.optional()?.unwrap_or(false);
        node.with(move |chain| block_of(chain, block, full)).await
    })?;
    registry.method(&["eth_getHeaderByNumber"], |node, mut args| async move {
        let block = number(&mut args)?;
        node.with(move |chain| chain.find(block).map(|block| shapes::header(block))).await
    })?;
    registry.method(&["eth_getHeaderByHash"], |node, mut args| async move {
        let block = hash(&mut args)?;
        node.with(move |chain| chain.find(block).map(|block| shapes::header(block))).await
    })?;
    registry.method(&["eth_getBlockReceipts"], |node, mut args| async move {
        let block = args.block()?;
        node.with(move |chain| receipts(chain, block)).await
    })?;
    counts(registry)?;
    members(registry)
}

fn counts(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getBlockTransactionCountByNumber"], |node, mut args| async move {
        let block = number(&mut args)?;
        node.with(move |chain| chain.find(block).map(|block| U64::from(block.txs.len()))).await
    })?;
    registry.method(&["eth_getBlockTransactionCountByHash"], |node, mut args| async move {
        let block = hash(&mut args)?;
        node.with(move |chain| chain.find(block).map(|block| U64::from(block.txs.len()))).await
    })?;
    registry.method(&["eth_getUncleCountByBlockNumber"], |node, mut args| async move {
        let block = number(&mut args)?;
        node.with(move |chain| chain.find(block).map(|_| U64::ZERO)).await
    })?;
    registry.method(&["eth_getUncleCountByBlockHash"], |node, mut args| async move {
        let block = hash(&mut args)?;
        node.with(move |chain| chain.find(block).map(|_| U64::ZERO)).await
    })?;
    let uncles = ["eth_getUncleByBlockNumberAndIndex", "eth_getUncleByBlockHashAndIndex"];
    registry.method(&uncles, |_, _| async { Ok(Value::Null) })
}

fn members(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getTransactionByBlockNumberAndIndex"], |node, mut args| async move {
        let (block, index) = (number(&mut args)?, args.number()?);
        node.with(move |chain| tx_at(chain, block, index)).await
    })?;
    registry.method(&["eth_getTransactionByBlockHashAndIndex"], |node, mut args| async move {
        let (block, index) = (hash(&mut args)?, args.number()?);
        node.with(move |chain| tx_at(chain, block, index)).await
    })
}

fn number(args: &mut Args) -> RpcResult<BlockId> {
    Ok(BlockId::Number(args.next::<BlockNumberOrTag>()?))
}

fn hash(args: &mut Args) -> RpcResult<BlockId> {
    Ok(BlockId::from(args.next::<B256>()?))
}

fn block_of(chain: &Chain, block: BlockId, full: bool) -> Option<RpcBlock> {
    chain.find(block).map(|block| shapes::block(block, full))
}

fn receipts(chain: &Chain, block: BlockId) -> Option<Vec<RpcReceipt>> {
    let block = chain.find(block)?;
    Some((0..block.txs.len()).filter_map(|index| shapes::receipt(block, index)).collect())
}

fn tx_at(chain: &Chain, block: BlockId, index: u64) -> Option<Transaction> {
    shapes::mined(chain.find(block)?, usize::try_from(index).ok()?)
}

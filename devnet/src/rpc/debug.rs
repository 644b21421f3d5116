//! `debug_*`: traces, and the chain's data as bytes.

use super::Node;
use super::error::{RpcError, RpcResult};
use super::eth::call_input;
use super::registry::{Registered, Registry};
use crate::chain::{Block, CallError, LookupError};
use crate::trace::TraceOptions;
use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, Bytes};
use alloy::rlp::Encodable;
use alloy::rpc::types::trace::geth::{GethDebugTracingCallOptions, GethDebugTracingOptions};
use serde_json::{Value, json};

/// Registers the namespace.
pub fn register(registry: &mut Registry) -> Registered {
    register_traces(registry)?;
    registry.method(&["debug_getRawHeader"], |node, mut args| async move {
        raw_block(&node, args.next()?, |block| {
            Bytes::from(alloy::rlp::encode(block.header.inner()))
        })
        .await
    })?;
    registry.method(&["debug_getRawBlock"], |node, mut args| async move {
        raw_block(&node, args.next()?, encoded).await
    })?;
    registry.method(&["debug_getRawReceipts"], |node, mut args| async move {
        raw_block(&node, args.next()?, |block| {
            let receipts = block.receipts.iter();
            receipts.map(|receipt| receipt.envelope.encoded_2718().into()).collect::<Vec<Bytes>>()
        })
        .await
    })
}

fn register_traces(registry: &mut Registry) -> Registered {
    registry.method(&["debug_traceTransaction"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        let options = options(args.optional()?)?;
        let found = node.chain(move |chain| chain.replay_tx(hash)).await?;
        let (replay, index) = found.ok_or_else(|| RpcError::server("transaction not found"))?;
        node.blocking(move || replay.trace(index, &options)).await
    })?;
    registry.method(&["debug_traceCall"], |node, mut args| async move {
        let (request, block) = (args.next()?, args.block()?);
        let asked: GethDebugTracingCallOptions = args.optional()?.unwrap_or_default();
        let options = options(Some(asked.tracing_options))?;
        let input = call_input(request, asked.state_overrides, asked.block_overrides);
        let Some(index) = asked.tx_index else {
            return node.on_view(block, move |view| view.trace_call(input, &options)).await;
        };
        let replay = node.chain(move |chain| chain.replay(block)).await?;
        node.blocking(move || replay.view_at(index as usize)?.trace_call(input, &options)).await
    })?;
    registry.method(&["debug_traceBlockByNumber"], |node, mut args| async move {
        let block = BlockId::Number(args.next::<BlockNumberOrTag>()?);
        let options = options(args.optional()?)?;
        trace_block(&node, block, options).await
    })?;
    registry.method(&["debug_traceBlockByHash"], |node, mut args| async move {
        let block = BlockId::from(args.next::<B256>()?);
        let options = options(args.optional()?)?;
        trace_block(&node, block, options).await
    })
}

fn options(options: Option<GethDebugTracingOptions>) -> RpcResult<TraceOptions> {
    TraceOptions::try_from(options.unwrap_or_default())
        .map_err(|error| RpcError::from(CallError::from(error)))
}

async fn trace_block(node: &Node, block: BlockId, options: TraceOptions) -> RpcResult<Vec<Value>> {
    let replay = node.chain(move |chain| chain.replay(block)).await?;
    let hashes: Vec<_> = replay.hashes().collect();
    let traces = node.blocking(move || replay.trace_all(&options)).await?;
    let pairs = hashes.into_iter().zip(traces);
    Ok(pairs.map(|(hash, trace)| json!({ "txHash": hash, "result": trace })).collect())
}

async fn raw_block<T: Send + 'static>(
    node: &Node,
    block: BlockId,
    encode: impl FnOnce(&Block) -> T + Send + 'static,
) -> RpcResult<T> {
    node.chain(move |chain| {
        let block = chain.find(block).ok_or(LookupError::NotFound)?;
        Ok::<_, LookupError>(encode(block))
    })
    .await
}

fn encoded(block: &Block) -> Bytes {
    let transactions = block.txs.iter().map(|tx| tx.envelope().clone()).collect();
    let body = alloy::consensus::BlockBody::<TxEnvelope> { transactions, ..Default::default() };
    let whole = body.into_block(block.header.inner().clone());
    let mut bytes = Vec::with_capacity(whole.length());
    whole.encode(&mut bytes);
    bytes.into()
}

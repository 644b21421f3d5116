//! `debug_*`: traces.

use super::Node;
use super::error::{RpcError, RpcResult};
use super::eth::call_input;
use super::registry::{Registered, Registry};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::B256;
use alloy::rpc::types::trace::geth::{
    CallConfig, GethDebugBuiltInTracerType, GethDebugTracerType, GethDebugTracingCallOptions,
    GethDebugTracingOptions,
};
use serde_json::{Value, json};

/// Registers the namespace.
pub fn register(registry: &mut Registry) -> Registered {
    registry.method(&["debug_traceTransaction"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        let config = call_config(args.optional()?)?;
        let found = node.chain(move |chain| chain.replay_tx(hash)).await?;
        let (replay, index) = found.ok_or_else(|| RpcError::server("transaction not found"))?;
        node.blocking(move || replay.calls(index, config)).await
    })?;
    registry.method(&["debug_traceCall"], |node, mut args| async move {
        let (request, block) = (args.next()?, args.block()?);
        let options: GethDebugTracingCallOptions = args.optional()?.unwrap_or_default();
        let config = call_config(Some(options.tracing_options))?;
        let input = call_input(request, options.state_overrides, options.block_overrides);
        node.on_view(block, move |view| view.trace_call(input, config)).await
    })?;
    registry.method(&["debug_traceBlockByNumber"], |node, mut args| async move {
        let block = BlockId::Number(args.next::<BlockNumberOrTag>()?);
        let config = call_config(args.optional()?)?;
        trace_block(&node, block, config).await
    })?;
    registry.method(&["debug_traceBlockByHash"], |node, mut args| async move {
        let block = BlockId::from(args.next::<B256>()?);
        let config = call_config(args.optional()?)?;
        trace_block(&node, block, config).await
    })
}

fn call_config(options: Option<GethDebugTracingOptions>) -> RpcResult<CallConfig> {
    let options = options.unwrap_or_default();
    match options.tracer {
        Some(GethDebugTracerType::BuiltInTracer(GethDebugBuiltInTracerType::CallTracer)) => options
            .tracer_config
            .into_call_config()
            .map_err(|error| RpcError::params(format!("tracerConfig: {error}"))),
        other => Err(RpcError::params(format!(
            "tracer {} is not supported: callTracer is",
            other.map_or("structLog".to_owned(), |tracer| format!("{tracer:?}"))
        ))),
    }
}

async fn trace_block(node: &Node, block: BlockId, config: CallConfig) -> RpcResult<Vec<Value>> {
    let replay = node.chain(move |chain| chain.replay(block)).await?;
    let hashes: Vec<_> = replay.hashes().collect();
    let frames = node.blocking(move || replay.all_calls(config)).await?;
    let pairs = hashes.into_iter().zip(frames);
    Ok(pairs.map(|(hash, frame)| json!({ "txHash": hash, "result": frame })).collect())
}

//! Calls that change nothing.

use crate::chain::CallInput;
use crate::rpc::args::Args;
use crate::rpc::error::RpcResult;
use crate::rpc::registry::{Registered, Registry};
use alloy::eips::BlockId;
use alloy::primitives::U64;
use alloy::rpc::types::state::StateOverride;
use alloy::rpc::types::{BlockOverrides, TransactionRequest};

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_call"], |node, mut args| async move {
        let (input, block) = input(&mut args)?;
        node.on_view(block, move |view| view.call(input)).await
    })?;
    registry.method(&["eth_estimateGas"], |node, mut args| async move {
        let (input, block) = input(&mut args)?;
        node.on_view(block, move |view| view.estimate(input).map(U64::from)).await
    })?;
    registry.method(&["eth_createAccessList"], |node, mut args| async move {
        let (input, block) = input(&mut args)?;
        node.on_view(block, move |view| view.access_list(input)).await
    })
}

/// Request, block, state overrides, block overrides.
fn input(args: &mut Args) -> RpcResult<(CallInput, BlockId)> {
    let (request, block) = (args.next()?, args.block()?);
    Ok((call_input(request, args.optional()?, args.optional()?), block))
}

/// Puts the parts of a call together.
pub fn call_input(
    request: TransactionRequest,
    state: Option<StateOverride>,
    block: Option<BlockOverrides>,
) -> CallInput {
    CallInput { request, state, block }
}

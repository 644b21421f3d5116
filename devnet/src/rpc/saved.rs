//! Saving the chain, bringing it back, and beginning anew.

use super::error::{RpcError, RpcResult};
use super::registry::{Registered, Registry};
use crate::chain::Chain;
use crate::saved::{self, SavedError};
use alloy::primitives::Bytes;
use serde_json::Value;

/// Registers the methods.
pub fn register(registry: &mut Registry) -> Registered {
    registry.method(&["anvil_dumpState", "hardhat_dumpState"], |node, mut args| async move {
        let history: bool = args.optional()?.unwrap_or(true);
        let mut moment = node.with(|chain| Chain::moment(chain)).await?;
        if !history {
            moment.forget_states();
        }
        let chain_id = node.config.chain_id;
        off_thread(move || saved::pack(&moment, chain_id)).await.map(Bytes::from)
    })?;
    registry.method(&["anvil_loadState", "hardhat_loadState"], |node, mut args| async move {
        let packed: Bytes = args.next()?;
        let chain_id = node.config.chain_id;
        let moment = off_thread(move || saved::unpack(&packed, chain_id)).await?;
        node.with(|chain| chain.resume(moment)).await?;
        Ok(true)
    })?;
    registry.method(&["anvil_reset", "hardhat_reset"], |node, mut args| async move {
        let options: Option<Value> = args.optional()?;
        if options.is_some_and(|options| !options["forking"].is_null()) {
            return Err(RpcError::params("forking is not supported: this chain has no upstream"));
        }
        node.with(|chain| chain.reset()).await
    })
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SavedError> + Send + 'static,
) -> RpcResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| RpcError::server("the state made the node panic"))?
        .map_err(|error| RpcError::params(error.to_string()))
}

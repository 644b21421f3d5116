//! Filters that are polled.

use crate::chain::FilterKind;
use crate::rpc::Node;
use crate::rpc::error::{RpcError, RpcResult};
use crate::rpc::registry::{Registered, Registry};
use alloy::primitives::U256;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_newFilter"], |node, mut args| async move {
        add(&node, FilterKind::Logs(Box::new(args.next()?))).await
    })?;
    registry.method(&["eth_newBlockFilter"], |node, _| async move {
        add(&node, FilterKind::Blocks).await
    })?;
    registry.method(&["eth_newPendingTransactionFilter"], |node, _| async move {
        add(&node, FilterKind::Pending).await
    })?;
    registry.method(&["eth_getFilterChanges"], |node, mut args| async move {
        let id = args.big()?;
        node.with(move |chain| chain.filters.take(id)).await?.ok_or_else(unknown)
    })?;
    registry.method(&["eth_getFilterLogs"], |node, mut args| async move {
        let id = args.big()?;
        node.chain(move |chain| {
            let filter = chain.filters.query(id).ok_or_else(unknown)?;
            super::query_logs(chain, &filter)
        })
        .await
    })?;
    registry.method(&["eth_uninstallFilter"], |node, mut args| async move {
        let id = args.big()?;
        node.with(move |chain| chain.filters.remove(id)).await
    })
}

async fn add(node: &Node, kind: FilterKind) -> RpcResult<U256> {
    node.with(move |chain| chain.filters.add(kind))
        .await?
        .ok_or_else(|| RpcError::limit("too many filters: uninstall those that are not needed"))
}

fn unknown() -> RpcError {
    RpcError::server("filter not found")
}

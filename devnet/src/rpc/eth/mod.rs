//! `eth_*`: what every Ethereum client needs.

mod blocks;
mod calls;
mod fees;
mod filters;
mod logs;
mod send;
mod simulate;
mod state;
mod subscribe;
mod transactions;

pub(super) use calls::call_input;
use logs::query as query_logs;

use super::registry::{Registered, Registry};
use alloy::primitives::U64;

/// Registers the namespace.
pub fn register(registry: &mut Registry) -> Registered {
    registry
        .method(&["eth_chainId"], |node, _| async move { Ok(U64::from(node.config.chain_id)) })?;
    registry.method(&["eth_syncing"], |_, _| async { Ok(false) })?;
    registry.method(&["eth_mining"], |_, _| async { Ok(false) })?;
    registry.method(&["eth_hashrate"], |_, _| async { Ok(U64::ZERO) })?;
    registry.method(&["eth_protocolVersion"], |_, _| async { Ok(U64::from(68)) })?;
    registry.method(&["eth_accounts"], |node, _| async move {
        node.with(|chain| chain.accounts().to_vec()).await
    })?;
    registry.method(&["eth_coinbase"], |node, _| async move {
        node.with(|chain| chain.coinbase).await
    })?;
    registry.method(&["eth_blockNumber"], |node, _| async move {
        node.with(|chain| U64::from(chain.height())).await
    })?;
    blocks::register(registry)?;
    calls::register(registry)?;
    fees::register(registry)?;
    filters::register(registry)?;
    logs::register(registry)?;
    send::register(registry)?;
    simulate::register(registry)?;
    state::register(registry)?;
    subscribe::register(registry)?;
    transactions::register(registry)
}

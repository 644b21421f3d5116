//! `eth_simulateV1`.

use crate::rpc::error::RpcError;
use crate::rpc::registry::{Registered, Registry};
use crate::rpc::shapes;
use alloy::rpc::types::simulate::{SimulatePayload, SimulatedBlock};

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_simulateV1"], |node, mut args| async move {
        let (payload, block): (SimulatePayload, _) = (args.next()?, args.block()?);
        let (full, chain_id) = (payload.return_full_transactions, node.config.chain_id);
        let blocks = node
            .on_view(block, move |view| Ok(view.simulate(payload, chain_id)))
            .await?
            .map_err(|error| RpcError::with_code(error.code(), error.to_string()))?;
        let shown = blocks.into_iter().map(|(block, calls)| {
            let inner = shapes::block(&block, full);
            SimulatedBlock { inner, calls }
        });
        Ok(shown.collect::<Vec<_>>())
    })
}

//! From the registry's logs to facts about jobs.

use alloy::primitives::{Address, keccak256};
use alloy::rpc::types::Log;
use alloy::sol_types::SolEventInterface;
use bindings::AgentRegistry::{self, AgentRegistryEvents};
use domain::ids::{AgentId, PurchaseId};
use domain::job::{BlockRef, Purchase, Settlement};

use crate::store::Fact;

/// What one log says, as far as the keeper cares.
pub(super) fn fact(log: &Log, block: BlockRef, account: Address) -> Option<Fact> {
    let event = match AgentRegistryEvents::decode_log(&log.inner) {
        Ok(event) => event.data,
        Err(error) => {
            // A later registry may have events of its own.
            tracing::debug!(%error, block = block.number, "a log of the registry is not known");
            return None;
        }
    };
    match event {
        AgentRegistryEvents::Purchased(event) => Some(purchased(event, block)),
        AgentRegistryEvents::Settled(event) => {
            let purchase = event.purchaseId;
            Some(Fact::Settled(purchase, Box::new(settlement(log, &event, block, account))))
        }
        AgentRegistryEvents::Refunded(event) => Some(Fact::Refunded(event.purchaseId)),
        AgentRegistryEvents::Listed(event) => Some(Fact::Listed(event.manifest.0)),
        _ => None,
    }
}

fn purchased(event: AgentRegistry::Purchased, block: BlockRef) -> Fact {
    let inline = keccak256(&event.input) == event.inputHash;
    let purchase = Purchase {
        id: PurchaseId(event.purchaseId),
        agent_id: AgentId(event.agentId),
        version: event.version,
        buyer: event.buyer,
        escrow: event.escrow,
        deadline: event.deadline,
        input_hash: event.inputHash,
        block,
    };
    Fact::Purchased(Box::new(purchase), inline.then_some(event.input.0))
}

/// What a `Settled` log says.
pub(super) fn settlement(
    log: &Log,
    event: &AgentRegistry::Settled,
    block: BlockRef,
    account: Address,
) -> Settlement {
    Settlement {
        keeper: event.keeper,
        receipt_hash: event.receiptHash,
        ours: event.keeper == account,
        ok: event.ok,
        tx_hash: log.transaction_hash.unwrap_or_default(),
        block,
        charge: event.charge,
        keeper_fee: event.keeperFee,
        protocol_fee: event.protocolFee,
    }
}

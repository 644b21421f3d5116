//! Buying a run: the price goes into escrow.

use crate::errors::*;
use crate::events::Purchased;
use crate::packed::{Order, Payment};
use crate::status;
use crate::storage::{Book, PurchaseRecord};
use alloy_primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256};
use common::slots::Slots;

/// Longest input that may be given with the purchase, bytes. Longer ones go to a keeper.
pub const MAX_INPUT: usize = 16_384;
/// Time that a keeper has beyond the longest run, seconds.
pub const SETTLEMENT_WINDOW: u64 = 1_800;

/// What a buyer asks for.
pub struct Request {
    /// The agent.
    pub agent_id: U256,
    /// The listing version that the buyer has seen.
    pub version: u32,
    /// Keccak-256 of the input.
    pub input_hash: B256,
    /// The input, or empty if it is handed over elsewhere.
    pub input: Bytes,
}

impl<S: Slots> Book<S> {
    /// Opens a purchase with `value` wei in escrow at Unix time `now`. Writes four words.
    pub fn buy(
        &mut self,
        buyer: Address,
        value: U256,
        now: u64,
        request: Request,
    ) -> Result<Purchased, RegistryError> {
        let config = self.selling_config()?;
        let (agent, head) = self.known_agent(request.agent_id)?;
        if !head.listed {
            return Err(AgentUnlisted { agentId: request.agent_id }.into());
        }
        if request.version != head.version {
            return Err(StaleVersion { current: head.version }.into());
        }
        let price = self.terms(agent, head.version).price;
        if value != U256::from(price) {
            return Err(WrongPayment { sent: value, price: U256::from(price) }.into());
        }
        check_input(request.input_hash, &request.input)?;

        let mut counters = self.counters();
        counters.purchases += 1;
        counters.owed += price;
        self.set_counters(&counters);
        let deadline = now + u64::from(head.max_seconds) + SETTLEMENT_WINDOW;
        let order = Order {
            agent,
            version: head.version,
            deadline,
            status: status::OPEN,
            keeper_bps: config.keeper_bps,
            protocol_bps: config.protocol_bps,
            keeper: 0,
        };
        let record = PurchaseRecord { payment: Payment { buyer, escrow: price }, order };
        self.set_purchase(counters.purchases, &record, request.input_hash);
        Ok(Purchased {
            purchaseId: counters.purchases,
            agentId: request.agent_id,
            buyer,
            version: head.version,
            escrow: U96::from(price),
            deadline,
            inputHash: request.input_hash,
            input: request.input,
        })
    }
}

fn check_input(hash: B256, input: &[u8]) -> Result<(), RegistryError> {
    if input.is_empty() {
        return Ok(());
    }
    if input.len() > MAX_INPUT {
        return Err(InputTooLong { length: U256::from(input.len()) }.into());
    }
    let actual = keccak256(input);
    if actual != hash {
        return Err(InputHashMismatch { actual }.into());
    }
    Ok(())
}

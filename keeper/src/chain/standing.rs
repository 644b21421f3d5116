//! How a purchase stands on the chain at one block: the registry and the EntryPoint's nonce.

use alloy::primitives::U256;
use alloy::primitives::aliases::U192;
use alloy::sol_types::SolEvent;
use bindings::AgentRegistry;
use domain::job::{BlockRef, Purchase, Settlement};

use super::client::{Chain, at};
use super::decode;
use super::error::{ChainError, Doing};

/// How a purchase stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// The registry does not know it at that block.
    Missing,
    /// It is another purchase than the one expected.
    Other,
    /// It waits to be settled.
    Open {
        /// Next nonce sequence of the keeper's account under the order's key. With the
        /// purchase still open, every lower one was mined and failed.
        sequence: u64,
    },
    /// It is settled.
    Settled(Box<Settlement>),
    /// It is refunded.
    Refunded,
}

impl Chain {
    /// How `purchase` stands at `block`.
    ///
    /// # Errors
    /// When the node fails, or does not know the block any more.
    pub async fn standing(
        &self,
        purchase: &Purchase,
        block: BlockRef,
    ) -> Result<Standing, ChainError> {
        let id = purchase.id.0;
        let read = self.registry().purchaseOf(id).block(at(&block)).call().await;
        let found = match read {
            Ok(found) => found,
            Err(error) if error.as_decoded_error::<AgentRegistry::UnknownPurchase>().is_some() => {
                return Ok(Standing::Missing);
            }
            Err(error) => return Err(error).doing("reading a purchase"),
        };
        let same = found.buyer == purchase.buyer
            && found.agentId == purchase.agent_id.0
            && found.version == purchase.version
            && found.inputHash == purchase.input_hash
            && found.escrow == purchase.escrow
            && found.deadline == purchase.deadline;
        match found.status {
            0 => Ok(Standing::Missing),
            _ if !same => Ok(Standing::Other),
            1 => Ok(Standing::Open { sequence: self.next_sequence(purchase, block).await? }),
            2 | 3 => self.settlement_of(purchase, block).await,
            _ => Ok(Standing::Refunded),
        }
    }

    async fn next_sequence(&self, purchase: &Purchase, block: BlockRef) -> Result<u64, ChainError> {
        let key: U192 = purchase.id.nonce_key(purchase.order_hash()).to();
        let nonce = self.entry_point().getNonce(self.account, key).block(at(&block)).call().await;
        let nonce: U256 = nonce.doing("reading an account's nonce")?;
        Ok(nonce.as_limbs()[0])
    }

    /// The log that settled it.
    async fn settlement_of(
        &self,
        purchase: &Purchase,
        block: BlockRef,
    ) -> Result<Standing, ChainError> {
        let filter = self
            .filter()
            .event_signature(AgentRegistry::Settled::SIGNATURE_HASH)
            .topic1(U256::from(purchase.id.0));
        let range = (purchase.block.number, block.number);
        let found = self.newest_log(&filter, range, |log| {
            let event = AgentRegistry::Settled::decode_log(&log.inner).ok()?;
            let block = BlockRef { number: log.block_number?, hash: log.block_hash? };
            Some(decode::settlement(log, &event.data, block, self.account))
        });
        found.await?.map(|found| Standing::Settled(Box::new(found))).ok_or_else(|| {
            let id = purchase.id;
            ChainError::Doubtful(format!("purchase {id} is settled, but no log says by what"))
        })
    }
}

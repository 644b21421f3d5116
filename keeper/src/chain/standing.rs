//! How a purchase stands on the chain at one block: the registry and the EntryPoint's nonce.

use alloy::primitives::U256;
use alloy::primitives::aliases::U192;
use alloy::rpc::types::{Log, TransactionReceipt};
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

/// A purchase as the registry's storage shows it, without what else the chain knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The registry does not know it at that block.
    Missing,
    /// It is another purchase than the one expected.
    Other,
    /// It waits to be settled.
    Open,
    /// It is settled.
    Settled,
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
        match self.shown(purchase, block).await? {
            Shown::Missing => Ok(Standing::Missing),
            Shown::Other => Ok(Standing::Other),
            Shown::Open => {
                Ok(Standing::Open { sequence: self.next_sequence(purchase, block).await? })
            }
            Shown::Settled => self.settlement_of(purchase, block).await,
            Shown::Refunded => Ok(Standing::Refunded),
        }
    }

    /// As [`Self::standing`], at the block of a receipt whose own logs are looked at first.
    ///
    /// # Errors
    /// When the node fails, or does not know the block any more.
    pub async fn standing_after(
        &self,
        receipt: &TransactionReceipt,
        purchase: &Purchase,
        block: BlockRef,
    ) -> Result<Standing, ChainError> {
        let settled = receipt.logs().iter().find_map(|log| {
            let found = self.settlement(log)?;
            (found.0 == purchase.id.0 && found.1.block == block).then_some(found.1)
        });
        match (settled, self.shown(purchase, block).await?) {
            (Some(found), Shown::Settled) => Ok(Standing::Settled(Box::new(found))),
            _ => self.standing(purchase, block).await,
        }
    }

    /// What the registry's storage shows of `purchase` at `block`.
    ///
    /// # Errors
    /// When the node fails, or does not know the block any more.
    pub async fn shown(&self, purchase: &Purchase, block: BlockRef) -> Result<Shown, ChainError> {
        let id = purchase.id.0;
        let read = self.registry().purchaseOf(id).block(at(&block)).call().await;
        let found = match read {
            Ok(found) => found,
            Err(error) if error.as_decoded_error::<AgentRegistry::UnknownPurchase>().is_some() => {
                return Ok(Shown::Missing);
            }
            Err(error) => return Err(error).doing("reading a purchase"),
        };
        let same = found.buyer == purchase.buyer
            && found.agentId == purchase.agent_id.0
            && found.version == purchase.version
            && found.inputHash == purchase.input_hash
            && found.escrow == purchase.escrow
            && found.deadline == purchase.deadline;
        Ok(match found.status {
            0 => Shown::Missing,
            _ if !same => Shown::Other,
            1 => Shown::Open,
            2 | 3 => Shown::Settled,
            _ => Shown::Refunded,
        })
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
        let found = self.newest_log(&filter, range, |log| Some(self.settlement(log)?.1));
        found.await?.map(|found| Standing::Settled(Box::new(found))).ok_or_else(|| {
            let id = purchase.id;
            ChainError::Doubtful(format!("purchase {id} is settled, but no log says by what"))
        })
    }

    /// The settlement that a log tells of, with the number of its purchase.
    fn settlement(&self, log: &Log) -> Option<(u64, Settlement)> {
        if log.address() != self.config.registry {
            return None;
        }
        let event = AgentRegistry::Settled::decode_log(&log.inner).ok()?;
        let block = BlockRef { number: log.block_number?, hash: log.block_hash? };
        let settlement = decode::settlement(log, &event.data, block, self.account);
        Some((event.purchaseId, settlement))
    }
}

//! What is saved of a chain, in the shape in which it is written.

use crate::chain::{Block, Clock, Moment, Receipt};
use crate::saved::SavedError;
use crate::state::{State, StateChange};
use crate::tx::Tx;
use alloy::consensus::{Header, ReceiptEnvelope, Sealed};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, B256, Bytes};
use alloy::rlp::Decodable;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A chain.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    fork: u64,
    clock: Clock,
    coinbase: Address,
    next_base_fee: Option<u64>,
    blocks: Vec<SavedBlock>,
    pool: Vec<SavedTx>,
}

/// A block; its state is given as the step from the state of the block before, or from nothing.
#[derive(Debug, Serialize, Deserialize)]
struct SavedBlock {
    header: Bytes,
    l1_number: u64,
    txs: Vec<SavedTx>,
    receipts: Vec<SavedReceipt>,
    state: Option<StateChange>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedTx {
    raw: Bytes,
    sender: Address,
    impersonated: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedReceipt {
    raw: Bytes,
    gas_used: u64,
    gas_used_for_l1: u64,
    effective_gas_price: u128,
    contract_address: Option<Address>,
    first_log: u64,
}

fn damaged(error: impl std::fmt::Display) -> SavedError {
    SavedError::Damaged(error.to_string())
}

impl From<&Moment> for Saved {
    fn from(moment: &Moment) -> Self {
        let (nothing, mut before) = (State::default(), None);
        let blocks = moment.blocks.iter().map(|block| {
            let state = block.state.as_ref().map(|state| {
                let older: &State = before.unwrap_or(&nothing);
                before = Some(state);
                state.since(older)
            });
            SavedBlock {
                header: alloy::rlp::encode(block.header.inner()).into(),
                l1_number: block.l1_number,
                txs: block.txs.iter().map(SavedTx::from).collect(),
                receipts: block.receipts.iter().map(SavedReceipt::from).collect(),
                state,
            }
        });
        Self {
            blocks: blocks.collect(),
            fork: moment.fork,
            clock: moment.clock,
            coinbase: moment.coinbase,
            next_base_fee: moment.next_base_fee,
            pool: moment.pool.iter().map(SavedTx::from).collect(),
        }
    }
}

impl Saved {
    /// The chain that was saved.
    pub fn into_moment(self) -> Result<Moment, SavedError> {
        let mut state = State::default();
        let mut blocks: Vec<Arc<Block>> = Vec::with_capacity(self.blocks.len());
        for saved in self.blocks {
            let block = saved.into_block(&mut state)?;
            let parent = blocks.last().map_or(B256::ZERO, |parent| parent.hash());
            if block.number() != blocks.len() as u64 || block.header.parent_hash != parent {
                return Err(damaged(format!("block {} does not follow", block.number())));
            }
            blocks.push(Arc::new(block));
        }
        if blocks.last().is_none_or(|block| block.state.is_none()) {
            return Err(damaged("the latest state is missing"));
        }
        Ok(Moment {
            blocks,
            fork: self.fork,
            clock: self.clock,
            coinbase: self.coinbase,
            next_base_fee: self.next_base_fee,
            pool: self.pool.into_iter().map(SavedTx::into_tx).collect::<Result<_, _>>()?,
        })
    }
}

impl SavedBlock {
    /// Rebuilds the block; `state` is the latest state before it, and becomes the one after it.
    fn into_block(self, state: &mut State) -> Result<Block, SavedError> {
        let header = Header::decode(&mut self.header.as_ref()).map_err(damaged)?;
        let txs: Vec<Tx> = self.txs.into_iter().map(SavedTx::into_tx).collect::<Result<_, _>>()?;
        let receipts: Vec<Receipt> =
            self.receipts.into_iter().map(SavedReceipt::into_receipt).collect::<Result<_, _>>()?;
        if txs.len() != receipts.len() {
            return Err(damaged(format!("block {} lacks receipts", header.number)));
        }
        let state = self.state.map(|change| {
            state.apply(change);
            state.clone()
        });
        let header = Sealed::new(header);
        Ok(Block { header, txs, receipts, l1_number: self.l1_number, state })
    }
}

impl From<&Tx> for SavedTx {
    fn from(tx: &Tx) -> Self {
        Self {
            raw: tx.envelope().encoded_2718().into(),
            sender: tx.sender(),
            impersonated: tx.is_impersonated(),
        }
    }
}

impl SavedTx {
    fn into_tx(self) -> Result<Tx, SavedError> {
        Tx::restore(&self.raw, self.sender, self.impersonated).map_err(damaged)
    }
}

impl From<&Receipt> for SavedReceipt {
    fn from(receipt: &Receipt) -> Self {
        Self {
            raw: receipt.envelope.encoded_2718().into(),
            gas_used: receipt.gas_used,
            gas_used_for_l1: receipt.gas_used_for_l1,
            effective_gas_price: receipt.effective_gas_price,
            contract_address: receipt.contract_address,
            first_log: receipt.first_log,
        }
    }
}

impl SavedReceipt {
    fn into_receipt(self) -> Result<Receipt, SavedError> {
        Ok(Receipt {
            envelope: ReceiptEnvelope::decode_2718_exact(&self.raw).map_err(damaged)?,
            gas_used: self.gas_used,
            gas_used_for_l1: self.gas_used_for_l1,
            effective_gas_price: self.effective_gas_price,
            contract_address: self.contract_address,
            first_log: self.first_log,
        })
    }
}

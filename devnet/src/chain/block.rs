//! A mined block: header with Arbitrum's fields, transactions, receipts, and the state after it.

use crate::state::State;
use crate::tx::Tx;
use crate::vm::BlockContext;
use alloy::consensus::constants::EMPTY_OMMER_ROOT_HASH;
use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::{Header, ReceiptEnvelope, Sealed, TxEnvelope};
use alloy::primitives::{Address, B64, B256, Bloom, U256, address};
use alloy::rpc::types::Log;
use revm::context::BlockEnv;

/// The gas limit that Arbitrum headers show.
pub const HEADER_GAS_LIMIT: u64 = 1 << 50;
/// Gas that the transactions of one block may use together.
pub const BLOCK_GAS: u64 = 32_000_000;
/// The sequencer's address, which is every block's beneficiary.
pub const SEQUENCER: Address = address!("A4B000000000000000000073657175656e636572");

/// A transaction's outcome.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Type, status, cumulative gas, logs and their bloom.
    pub envelope: ReceiptEnvelope,
    /// Gas used by this transaction alone.
    pub gas_used: u64,
    /// Part of it that pays for data on the parent chain.
    pub gas_used_for_l1: u64,
    /// Price paid in wei per gas.
    pub effective_gas_price: u128,
    /// The contract that the transaction created.
    pub contract_address: Option<Address>,
    /// Index in the block of the first log.
    pub first_log: u64,
}

/// One block. The transactions and receipts correspond by index.
#[derive(Debug, Clone)]
pub struct Block {
    /// The header with its hash.
    pub header: Sealed<Header>,
    /// The transactions.
    pub txs: Vec<Tx>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
    /// Block number of the parent chain.
    pub l1_number: u64,
    /// The state after the block; dropped when the block is old.
    pub state: Option<State>,
}

/// What a header is made of beyond its parent and content.
#[derive(Debug, Clone, Copy)]
pub struct Seal {
    /// Parent's hash.
    pub parent: B256,
    /// Block number.
    pub number: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Wei per gas.
    pub base_fee: u64,
    /// Shown in `miner`.
    pub beneficiary: Address,
    /// How many times the chain was reorganised: makes replaced blocks differ from the old ones.
    pub fork: u64,
    /// ArbOS version.
    pub arbos: u64,
    /// Root of the messages sent to the parent chain, and how many there are.
    pub sends: (B256, u64),
}

impl Block {
    /// Seals transactions and receipts into a block.
    pub fn seal(seal: Seal, txs: Vec<Tx>, receipts: Vec<Receipt>, state: State) -> Self {
        let envelopes: Vec<&TxEnvelope> = txs.iter().map(Tx::envelope).collect();
        let outcomes: Vec<&ReceiptEnvelope> = receipts.iter().map(|r| &r.envelope).collect();
        let mut bloom = Bloom::ZERO;
        for outcome in &outcomes {
            bloom.accrue_bloom(outcome.logs_bloom());
        }
        let header = Header {
            parent_hash: seal.parent,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: seal.beneficiary,
            state_root: state.root(),
            transactions_root: calculate_transaction_root(&envelopes),
            receipts_root: calculate_receipt_root(&outcomes),
            logs_bloom: bloom,
            difficulty: U256::ONE,
            number: seal.number,
            gas_limit: HEADER_GAS_LIMIT,
            gas_used: receipts.iter().map(|receipt| receipt.gas_used).sum(),
            timestamp: seal.timestamp,
            extra_data: seal.sends.0.into(),
            mix_hash: mix_hash(seal.sends.1, 0, seal.arbos),
            nonce: B64::from(seal.fork),
            base_fee_per_gas: Some(seal.base_fee),
            ..Header::default()
        };
        Self { header: Sealed::new(header), txs, receipts, l1_number: 0, state: Some(state) }
    }

    /// The block's hash.
    pub fn hash(&self) -> B256 {
        self.header.hash()
    }

    /// The block's number.
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Base fee in wei per gas.
    pub fn base_fee(&self) -> u64 {
        self.header.base_fee_per_gas.unwrap_or_default()
    }

    /// Root of the messages sent to the parent chain.
    pub fn send_root(&self) -> B256 {
        B256::try_from(self.header.extra_data.as_ref()).unwrap_or_default()
    }

    /// How many messages were sent to the parent chain.
    pub fn send_count(&self) -> u64 {
        let mut count = [0; 8];
        count.copy_from_slice(&self.header.mix_hash[..8]);
        u64::from_be_bytes(count)
    }

    /// The environment that calls and replays of this block run in.
    pub fn context(&self) -> BlockContext {
        let mut context = BlockContext::new(BlockEnv {
            number: U256::from(self.number()),
            beneficiary: self.header.beneficiary,
            timestamp: U256::from(self.header.timestamp),
            gas_limit: self.header.gas_limit,
            basefee: self.base_fee(),
            difficulty: self.header.difficulty,
            prevrandao: Some(B256::with_last_byte(1)),
            ..BlockEnv::default()
        });
        context.l1_number = self.l1_number;
        context
    }

    /// One transaction's logs in RPC form.
    pub fn logs_of(&self, index: usize) -> Vec<Log> {
        let (Some(tx), Some(receipt)) = (self.txs.get(index), self.receipts.get(index)) else {
            return Vec::new();
        };
        let hash = tx.hash();
        let entries = (receipt.first_log..).zip(receipt.envelope.logs());
        entries.map(|(log_index, log)| self.log(log, hash, index as u64, log_index)).collect()
    }

    /// All logs in RPC form.
    pub fn logs(&self) -> Vec<Log> {
        (0..self.txs.len()).flat_map(|index| self.logs_of(index)).collect()
    }

    fn log(&self, log: &alloy::primitives::Log, tx: B256, index: u64, log_index: u64) -> Log {
        Log {
            inner: log.clone(),
            block_hash: Some(self.hash()),
            block_number: Some(self.number()),
            block_timestamp: Some(self.header.timestamp),
            transaction_hash: Some(tx),
            transaction_index: Some(index),
            log_index: Some(log_index),
            removed: false,
        }
    }
}

/// Arbitrum packs three numbers into the header's mix hash.
fn mix_hash(send_count: u64, l1_number: u64, arbos: u64) -> B256 {
    let mut packed = B256::ZERO;
    packed[..8].copy_from_slice(&send_count.to_be_bytes());
    packed[8..16].copy_from_slice(&l1_number.to_be_bytes());
    packed[16..24].copy_from_slice(&arbos.to_be_bytes());
    packed
}

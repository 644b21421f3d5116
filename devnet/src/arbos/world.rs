//! What ArbOS needs from the state underneath it, free of the EVM's generics.

use revm::primitives::{Address, B256, Bytes, Log, U256, address};

/// Account whose storage holds all ArbOS state.
pub const ARBOS_ADDRESS: Address = address!("A4B05FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");

/// State that could not be read; the text is the database's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state could not be read: {0}")]
pub struct StateError(pub String);

/// Slots of the ArbOS account.
pub trait Slots {
    /// Reads a slot.
    ///
    /// # Errors
    /// When the database fails.
    fn slot(&mut self, slot: U256) -> Result<U256, StateError>;

    /// Writes a slot.
    ///
    /// # Errors
    /// When the database fails.
    fn set_slot(&mut self, slot: U256, value: U256) -> Result<(), StateError>;
}

/// Facts of the block that ArbOS answers from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockFacts {
    /// Chain id.
    pub chain_id: u64,
    /// L2 block number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Base fee in wei.
    pub basefee: u64,
}

/// The whole state as a precompile sees it; all changes are journaled.
pub trait World: Slots {
    /// Facts of the block.
    fn block(&self) -> BlockFacts;

    /// Code and code hash of an account (hash zero if there is no account).
    ///
    /// # Errors
    /// When the database fails.
    fn code(&mut self, address: Address) -> Result<(Bytes, B256), StateError>;

    /// Warms an account and tells whether it was cold.
    ///
    /// # Errors
    /// When the database fails.
    fn warm(&mut self, address: Address) -> Result<bool, StateError>;

    /// Balance of an account in wei.
    ///
    /// # Errors
    /// When the database fails.
    fn balance(&mut self, address: Address) -> Result<U256, StateError>;

    /// Moves wei; false if there is too little.
    ///
    /// # Errors
    /// When the database fails.
    fn transfer(&mut self, from: Address, to: Address, wei: U256) -> Result<bool, StateError>;

    /// Destroys wei of an account; false if there is too little.
    ///
    /// # Errors
    /// When the database fails.
    fn burn(&mut self, from: Address, wei: U256) -> Result<bool, StateError>;

    /// Replaces an account's code.
    ///
    /// # Errors
    /// When the database fails.
    fn set_code(&mut self, address: Address, code: Bytes) -> Result<(), StateError>;

    /// Whether an account was self-destructed in this transaction.
    fn self_destructed(&mut self, address: Address) -> bool;

    /// Hash of an earlier block.
    ///
    /// # Errors
    /// When the database fails.
    fn block_hash(&mut self, number: u64) -> Result<B256, StateError>;

    /// Emits a log.
    fn log(&mut self, log: Log);

    /// Block number of the parent chain.
    fn l1_number(&self) -> u64;

    /// What the transaction pays for being posted to the parent chain, in wei.
    fn poster_fee(&self) -> U256;

    /// Who called the open frame at a depth (0 is the transaction's own), if it is open.
    fn caller_at(&self, depth: usize) -> Option<Address>;

    /// Pages that programs of this transaction have open.
    fn open_pages(&self) -> u16;
}

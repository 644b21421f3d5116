//! A call to a precompile while it runs: its gas, and what it does to the state.

use revm::primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256};

use super::{READ, Stop, WRITE, WRITE_ZERO, owners};
use crate::arbos::{
    space::{Space, root},
    world::World,
};

/// A call to a precompile.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom.
    pub to: Address,
    /// Calldata.
    pub input: Bytes,
    /// Sender.
    pub caller: Address,
    /// Wei that were sent (already moved).
    pub value: U256,
    /// Nothing may be changed.
    pub is_static: bool,
    /// Entered by DELEGATECALL or CALLCODE.
    pub is_delegate: bool,
    /// Gas given.
    pub gas: u64,
    /// 0 when called by the transaction itself.
    pub depth: usize,
    /// ArbOS version.
    pub arbos: u64,
    /// Debug chain.
    pub debug: bool,
}

/// How a call ended and what gas is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Result, or why there is none (with [`Stop::Solidity`] reduced to its data).
    pub result: Result<Bytes, Stop>,
    /// Gas left; 0 for the hard failures.
    pub gas: u64,
}

impl Ended {
    /// A failure with a text that takes all gas.
    pub(super) fn hard(text: &str) -> Self {
        Self { result: Err(Stop::Hard(text.to_owned())), gas: 0 }
    }
}

/// A running call.
pub(in crate::arbos) struct Ctx<'w> {
    pub world: &'w mut dyn World,
    pub caller: Address,
    pub value: U256,
    pub arbos: u64,
    pub debug: bool,
    pub to: Address,
    pub depth: usize,
    gas: u64,
}

impl<'w> Ctx<'w> {
    pub fn new(world: &'w mut dyn World, call: &Call) -> Self {
        Self {
            world,
            caller: call.caller,
            value: call.value,
            arbos: call.arbos,
            debug: call.debug,
            to: call.to,
            depth: call.depth,
            gas: call.gas,
        }
    }

    pub const fn gas(&self) -> u64 {
        self.gas
    }

    pub fn burn(&mut self, gas: u64) -> Result<(), Stop> {
        self.gas = self.gas.checked_sub(gas).ok_or(Stop::OutOfGas)?;
        Ok(())
    }

    pub fn read(&mut self, slot: U256) -> Result<U256, Stop> {
        self.burn(READ)?;
        Ok(self.world.slot(slot)?)
    }

    pub fn write(&mut self, slot: U256, value: U256) -> Result<(), Stop> {
        self.burn(if value.is_zero() { WRITE_ZERO } else { WRITE })?;
        Ok(self.world.set_slot(slot, value)?)
    }

    /// Hashes; 30 gas and 6 a word.
    pub fn keccak(&mut self, bytes: &[u8]) -> Result<B256, Stop> {
        self.burn(30 + 6 * (bytes.len() as u64).div_ceil(32))?;
        Ok(keccak256(bytes))
    }

    /// Emits an event: 375 gas, 375 a topic, 8 a byte of data.
    pub fn emit(&mut self, data: LogData) -> Result<(), Stop> {
        let topics = data.topics().len() as u64;
        self.burn(375 * (1 + topics) + 8 * data.data.len() as u64)?;
        self.world.log(Log { address: self.to, data });
        Ok(())
    }

    pub fn is_owner(&mut self, address: Address) -> Result<bool, Stop> {
        self.burn(READ)?;
        Ok(owners().contains(self.world, address)?)
    }

    pub fn network_fee_account(&mut self) -> Result<Address, Stop> {
        let word = self.read(Space::root().field(root::NETWORK_FEE_ACCOUNT))?;
        Ok(Address::from_word(word.into()))
    }
}

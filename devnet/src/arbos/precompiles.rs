//! The ArbOS precompiles: who they are, what every call pays, how a call ends.

mod abi;
mod debug;
mod gas_info;
mod info;
mod owner;
mod owner_public;
mod sys;
mod wasm;
mod wasm_cache;

use revm::primitives::{Address, Bytes, Log, LogData, U256, address};

use super::{
    programs::ProgramError,
    space::{AddressSet, Space, id, root},
    world::{StateError, World},
};

const SYS: Address = address!("0000000000000000000000000000000000000064");
const INFO: Address = address!("0000000000000000000000000000000000000065");
const TEST: Address = address!("0000000000000000000000000000000000000069");
const OWNER_PUBLIC: Address = address!("000000000000000000000000000000000000006b");
const GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
const OWNER: Address = address!("0000000000000000000000000000000000000070");
const WASM: Address = address!("0000000000000000000000000000000000000071");
const WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
const DEBUG: Address = address!("00000000000000000000000000000000000000ff");

/// Gas of opening ArbOS state, of a storage read.
const READ: u64 = 800;
const WRITE: u64 = 20_000;
const WRITE_ZERO: u64 = 5000;
/// Gas per word of arguments and results.
const WORD: u64 = 3;

/// Last byte of every precompile's address and the ArbOS version it appears with.
const ALL: [(u8, u64); 17] = [
    (0x64, 0),
    (0x65, 0),
    (0x66, 0),
    (0x67, 0),
    (0x68, 0),
    (0x69, 0),
    (0x6b, 0),
    (0x6c, 0),
    (0x6d, 0),
    (0x6e, 0),
    (0x6f, 0),
    (0x70, 0),
    (0x71, 30),
    (0x72, 30),
    (0x73, 41),
    (0x74, 60),
    (0xff, 0),
];

/// Addresses of the precompiles that exist at an ArbOS version.
pub fn addresses(arbos: u64, debug: bool) -> impl Iterator<Item = Address> {
    ALL.into_iter()
        .filter(move |(last, from)| *from <= arbos && (*last != 0xff || debug))
        .map(|(last, _)| Address::with_last_byte(last))
}

/// Addresses that are warm from the start of every transaction.
pub fn warm_addresses() -> impl Iterator<Item = Address> {
    ALL.into_iter()
        .map(|(last, _)| Address::with_last_byte(last))
        .chain([address!("00000000000000000000000000000000000a4b05")])
}

/// Why a precompile stops before its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Gas ran out, or the call was not allowed: all gas is gone.
    OutOfGas,
    /// A failure with a text for the top of an `eth_call`; all gas is gone.
    Hard(String),
    /// A revert without data; the rest of the gas is kept.
    Revert,
    /// A revert with an ABI-encoded error, which costs its words.
    Solidity(Vec<u8>),
    /// State could not be read.
    State(StateError),
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<ProgramError> for Stop {
    fn from(error: ProgramError) -> Self {
        Self::Solidity(abi::encode_error(&error))
    }
}

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purity {
    Pure,
    View,
    Write,
    Payable,
}

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

/// A running call.
pub(super) struct Ctx<'w> {
    pub world: &'w mut dyn World,
    pub caller: Address,
    pub value: U256,
    pub arbos: u64,
    pub debug: bool,
    to: Address,
    depth: usize,
    gas: u64,
}

impl Ctx<'_> {
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

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Stop> {
        self.burn(if value.is_zero() { WRITE_ZERO } else { WRITE })?;
        Ok(self.world.set_slot(slot, value)?)
    }

    /// Emits an event: 375 gas, 375 a topic, 8 a byte of data.
    fn emit(&mut self, data: LogData) -> Result<(), Stop> {
        let topics = data.topics().len() as u64;
        self.burn(375 * (1 + topics) + 8 * data.data.len() as u64)?;
        self.world.log(Log { address: self.to, data });
        Ok(())
    }

    fn is_owner(&mut self, address: Address) -> Result<bool, Stop> {
        self.burn(READ)?;
        Ok(owners().contains(self.world, address)?)
    }

    fn network_fee_account(&mut self) -> Result<Address, Stop> {
        let word = self.read(Space::root().field(root::NETWORK_FEE_ACCOUNT))?;
        Ok(Address::from_word(word.into()))
    }
}

fn owners() -> AddressSet {
    AddressSet::new(Space::root().sub(id::CHAIN_OWNERS))
}

/// One precompile: what a selector may do, and running it.
struct Contract {
    purity: fn([u8; 4]) -> Option<Purity>,
    run: fn(&mut Ctx<'_>, &[u8]) -> Result<Vec<u8>, Stop>,
}

fn contract(call: &Call) -> Option<Contract> {
    Some(match call.to {
        SYS => Contract { purity: sys::purity, run: sys::run },
        INFO => Contract { purity: info::purity, run: info::run },
        TEST => Contract { purity: debug::test_purity, run: debug::run_test },
        OWNER_PUBLIC => Contract { purity: owner_public::purity, run: owner_public::run },
        GAS_INFO => Contract { purity: gas_info::purity, run: gas_info::run },
        OWNER => Contract { purity: owner::purity, run: owner::run },
        WASM if call.arbos >= 30 => Contract { purity: wasm::purity, run: wasm::run },
        WASM_CACHE if call.arbos >= 30 => {
            Contract { purity: wasm_cache::purity, run: wasm_cache::run }
        }
        DEBUG if call.debug => Contract { purity: debug::purity, run: debug::run },
        _ => return None,
    })
}

/// Whether an address is an ArbOS precompile of this chain.
#[must_use]
pub fn is_precompile(address: Address, arbos: u64, debug: bool) -> bool {
    addresses(arbos, debug).any(|known| known == address)
}

/// Runs a call to a precompile.
pub fn run(world: &mut dyn World, call: &Call) -> Ended {
    let mut ctx = Ctx {
        world,
        caller: call.caller,
        value: call.value,
        arbos: call.arbos,
        debug: call.debug,
        to: call.to,
        depth: call.depth,
        gas: call.gas,
    };
    let result = dispatch(&mut ctx, call);
    let free = call.to == OWNER && !matches!(result, Err(Stop::OutOfGas | Stop::Hard(_)));
    let gas = if free { call.gas } else { ctx.gas };
    let (result, gas) = match result {
        Ok(output) => (Ok(output.into()), Some(gas)),
        Err(Stop::Solidity(data)) => {
            let cost = WORD * (data.len() as u64).div_ceil(32);
            (Err(Stop::Solidity(data)), gas.checked_sub(cost))
        }
        Err(Stop::Revert) => (Err(Stop::Revert), Some(gas)),
        Err(stop) => return Ended { result: Err(stop), gas: 0 },
    };
    match gas {
        Some(gas) => Ended { result, gas },
        None => Ended { result: Err(Stop::OutOfGas), gas: 0 },
    }
}

fn dispatch(ctx: &mut Ctx<'_>, call: &Call) -> Result<Vec<u8>, Stop> {
    let contract = contract(call).ok_or(Stop::OutOfGas)?;
    let selector = call.input.first_chunk::<4>().ok_or(Stop::OutOfGas)?;
    let purity = (contract.purity)(*selector).ok_or(Stop::OutOfGas)?;
    let refused = (call.is_delegate && purity != Purity::Pure)
        || (call.is_static && purity >= Purity::Write)
        || (!call.value.is_zero() && purity != Purity::Payable);
    if refused {
        return Err(Stop::OutOfGas);
    }
    ctx.burn(WORD * (call.input.len() as u64 - 4).div_ceil(32))?;
    if purity != Purity::Pure {
        ctx.burn(READ)?;
    }
    let output = (contract.run)(ctx, &call.input)?;
    ctx.burn(WORD * (output.len() as u64).div_ceil(32))?;
    Ok(output)
}

/// One ABI word.
fn word(value: impl TryInto<U256>) -> Vec<u8> {
    value.try_into().unwrap_or_default().to_be_bytes_vec()
}

fn flag(value: bool) -> Vec<u8> {
    word(u64::from(value))
}

fn account(address: Address) -> Vec<u8> {
    address.into_word().to_vec()
}

//! The ArbOS precompiles: who they are, what every call pays, how a call ends.

mod abi;
mod address_table;
pub(super) mod aggregator;
mod call;
mod debug;
mod gas_info;
mod info;
mod minor;
mod owner;
mod owner_public;
mod sys;
mod wasm;
mod wasm_cache;

pub(crate) use abi::decode_error;
pub(super) use call::Ctx;
pub use call::{Call, Ended};

use revm::primitives::{Address, U256, address};

use super::{
    programs::ProgramError,
    space::{AddressSet, Space, id},
    world::{StateError, World},
};

const SYS: Address = address!("0000000000000000000000000000000000000064");
const INFO: Address = address!("0000000000000000000000000000000000000065");
const ADDRESS_TABLE: Address = address!("0000000000000000000000000000000000000066");
const FUNCTION_TABLE: Address = address!("0000000000000000000000000000000000000068");
const TEST: Address = address!("0000000000000000000000000000000000000069");
const OWNER_PUBLIC: Address = address!("000000000000000000000000000000000000006b");
const GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
const AGGREGATOR: Address = address!("000000000000000000000000000000000000006d");
const RETRYABLE: Address = address!("000000000000000000000000000000000000006e");
const STATISTICS: Address = address!("000000000000000000000000000000000000006f");
const OWNER: Address = address!("0000000000000000000000000000000000000070");
const WASM: Address = address!("0000000000000000000000000000000000000071");
const WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
const DEBUG: Address = address!("00000000000000000000000000000000000000ff");
/// ArbOS itself, which only its own transactions may call.
const ACTS: Address = address!("00000000000000000000000000000000000a4b05");

/// Gas of opening ArbOS state, of a storage read.
const READ: u64 = 800;
const WRITE: u64 = 20_000;
const WRITE_ZERO: u64 = 5000;
/// Gas per word of arguments and results.
const WORD: u64 = 3;

/// Last byte of every other precompile's address and the ArbOS version it appears with.
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
pub fn addresses(arbos: u64) -> impl Iterator<Item = Address> {
    ALL.into_iter()
        .filter(move |(_, from)| *from <= arbos)
        .map(|(last, _)| Address::with_last_byte(last))
        .chain([ACTS])
}

/// Addresses that are warm from the start of every transaction, those of later versions too.
pub fn warm_addresses() -> impl Iterator<Item = Address> {
    addresses(u64::MAX)
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
        ADDRESS_TABLE => Contract { purity: address_table::purity, run: address_table::run },
        FUNCTION_TABLE => Contract { purity: minor::table_purity, run: minor::run_table },
        AGGREGATOR => Contract { purity: aggregator::purity, run: aggregator::run },
        RETRYABLE => Contract { purity: minor::retryable_purity, run: minor::run_retryable },
        STATISTICS => Contract { purity: minor::statistics_purity, run: minor::run_statistics },
        ACTS => Contract { purity: minor::acts_purity, run: minor::run_acts },
        TEST => Contract { purity: debug::test_purity, run: debug::run_test },
        OWNER_PUBLIC => Contract { purity: owner_public::purity, run: owner_public::run },
        GAS_INFO => Contract { purity: gas_info::purity, run: gas_info::run },
        OWNER => Contract { purity: owner::purity, run: owner::run },
        WASM if call.arbos >= 30 => Contract { purity: wasm::purity, run: wasm::run },
        WASM_CACHE if call.arbos >= 30 => {
            Contract { purity: wasm_cache::purity, run: wasm_cache::run }
        }
        DEBUG => Contract { purity: debug::purity, run: debug::run },
        _ => return None,
    })
}

/// Whether an address is an ArbOS precompile of this chain.
#[must_use]
pub fn is_precompile(address: Address, arbos: u64) -> bool {
    addresses(arbos).any(|known| known == address)
}

/// Runs a call to a precompile.
pub fn run(world: &mut dyn World, call: &Call) -> Ended {
    match call.to {
        OWNER => owner::guarded(world, call),
        DEBUG if !call.debug => Ended::hard("debug precompiles are disabled"),
        _ => unguarded(world, call),
    }
}

/// Runs a call that whoever makes it may make.
fn unguarded(world: &mut dyn World, call: &Call) -> Ended {
    let mut ctx = Ctx::new(world, call);
    let result = dispatch(&mut ctx, call);
    let gas = ctx.gas();
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

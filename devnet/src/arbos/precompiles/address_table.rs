//! ArbAddressTable, 0x66: short numbers for addresses.

use alloy::{
    rlp::{Decodable, Encodable, Header},
    sol_types::{SolCall, SolInterface, SolValue},
};
use revm::primitives::{Address, Bytes, U256};

use super::{
    Ctx, Purity, Stop, WRITE,
    abi::ArbAddressTable::{self, ArbAddressTableCalls as Calls},
    account, flag, word,
};
use crate::arbos::space::{Space, id};

fn items() -> Space {
    Space::root().sub(id::ADDRESS_TABLE)
}

/// Slot of an address's position, which counts from 1.
fn position(address: Address) -> U256 {
    items().named(&[]).slot(address.into_word())
}

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbAddressTable::compressCall::SELECTOR | ArbAddressTable::registerCall::SELECTOR => {
            Purity::Write
        }
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    Ok(match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::addressExists(call) => flag(index_of(ctx, call.addr)?.is_some()),
        Calls::size(_) => word(ctx.read(items().field(0))?),
        Calls::lookup(call) => word(index_of(ctx, call.addr)?.ok_or(Stop::Revert)?),
        Calls::lookupIndex(call) => account(at(ctx, call.index)?),
        Calls::register(call) => word(register(ctx, call.addr)?),
        Calls::compress(call) => {
            let mut packed = Vec::new();
            match index_of(ctx, call.addr)? {
                Some(index) => index.encode(&mut packed),
                None => call.addr.encode(&mut packed),
            }
            Bytes::from(packed).abi_encode()
        }
        Calls::decompress(call) => {
            let offset = usize::try_from(call.offset).map_err(|_| Stop::Revert)?;
            let bytes = call.buf.get(offset..).ok_or(Stop::Revert)?;
            let (address, read) = decompress(ctx, bytes)?;
            [account(address), word(read as u64)].concat()
        }
    })
}

fn index_of(ctx: &mut Ctx<'_>, address: Address) -> Result<Option<u64>, Stop> {
    let found: u64 = ctx.read(position(address))?.saturating_to();
    Ok(found.checked_sub(1))
}

fn at(ctx: &mut Ctx<'_>, index: U256) -> Result<Address, Stop> {
    let size = ctx.read(items().field(0))?;
    if index >= size {
        return Err(Stop::Revert);
    }
    let slot = items().slot((index + U256::ONE).into());
    Ok(Address::from_word(ctx.read(slot)?.into()))
}

fn register(ctx: &mut Ctx<'_>, address: Address) -> Result<u64, Stop> {
    if let Some(known) = index_of(ctx, address)? {
        return Ok(known);
    }
    let index: u64 = ctx.read(items().field(0))?.saturating_to();
    let number = index + 1;
    ctx.burn(2 * WRITE)?;
    ctx.world.set_slot(items().field(0), U256::from(number))?;
    ctx.world.set_slot(items().field(number), address.into_word().into())?;
    ctx.write(position(address), U256::from(number))?;
    Ok(index)
}

/// An address that is written out, or the one a number stands for, and the bytes that took.
fn decompress(ctx: &mut Ctx<'_>, bytes: &[u8]) -> Result<(Address, usize), Stop> {
    let mut rest = bytes;
    let payload = Header::decode_bytes(&mut rest, false).map_err(|_| Stop::Revert)?;
    let read = bytes.len() - rest.len();
    if payload.len() == Address::len_bytes() {
        return Ok((Address::from_slice(payload), read));
    }
    let index = u64::decode(&mut &bytes[..read]).map_err(|_| Stop::Revert)?;
    Ok((at(ctx, U256::from(index))?, read))
}

//! What a transaction pays for being posted to the parent chain.

use revm::primitives::{Address, U256, address};

use crate::arbos::{
    genesis::L1_PRICE_PER_UNIT,
    space::{Space, id, root},
    world::{Slots, StateError},
};

/// Account that collects what posting costs.
pub(super) const FUNDS_POOL: Address = address!("a4b00000000000000000000000000000000000f6");
/// Units per byte of a compressed transaction.
const UNITS_PER_BYTE: u64 = 16;
/// Brotli window of the compression that is priced.
const WINDOW: i32 = 22;

/// Gas that pays for posting the signed transaction `raw`, at a price of `basefee` wei.
pub(super) fn poster_gas(
    slots: &mut dyn Slots,
    raw: &[u8],
    basefee: u64,
) -> Result<u64, StateError> {
    let price = slots.slot(Space::root().sub(id::L1_PRICING).field(L1_PRICE_PER_UNIT))?;
    if price.is_zero() || basefee == 0 {
        return Ok(0);
    }
    let level: i32 = slots.slot(Space::root().field(root::BROTLI_LEVEL))?.saturating_to();
    let units = U256::from(UNITS_PER_BYTE * compressed_len(raw, level));
    Ok((price.saturating_mul(units) / U256::from(basefee)).saturating_to())
}

fn compressed_len(raw: &[u8], quality: i32) -> u64 {
    let params = brotli::enc::BrotliEncoderParams { quality, lgwin: WINDOW, ..Default::default() };
    let mut packed = Vec::new();
    // Writing into a Vec cannot fail.
    let _ = brotli::BrotliCompress(&mut &*raw, &mut packed, &params);
    packed.len() as u64
}

//! Stylus parameters that owners can set.

use revm::primitives::U256;

use super::{Calls, Ctx, Stop};
use crate::arbos::{activation::READ_PARAMS, params::StylusParams, space::Space};

/// Gas of storing the parameters' word.
const SAVE: u64 = 20_000;
/// Ink prices are 24 bits.
const MAX_INK_PRICE: u32 = (1 << 24) - 1;

pub(super) fn set(ctx: &mut Ctx<'_>, call: &Calls) -> Result<(), Stop> {
    if let Calls::setWasmActivationGas(call) = call
        && ctx.arbos >= 60
    {
        return ctx.write(Space::programs(5).field(0), U256::from(call.gas));
    }
    ctx.burn(READ_PARAMS)?;
    let mut params = StylusParams::load(ctx.world)?;
    change(&mut params, call, ctx.arbos)?;
    ctx.burn(SAVE)?;
    Ok(params.store(ctx.world)?)
}

fn change(params: &mut StylusParams, call: &Calls, arbos: u64) -> Result<(), Stop> {
    match call {
        Calls::setInkPrice(call) if (1..=MAX_INK_PRICE).contains(&call.price) => {
            params.ink_price = call.price;
        }
        Calls::setWasmMaxStackDepth(call) => params.max_stack_depth = call.depth,
        Calls::setWasmFreePages(call) => params.free_pages = call.pages,
        Calls::setWasmPageGas(call) => params.page_gas = call.gas,
        Calls::setWasmPageLimit(call) => params.page_limit = call.limit,
        Calls::setWasmMinInitGas(call) => {
            params.min_init_gas = units(u64::from(call.gas), 128);
            params.min_cached_init_gas = units(u64::from(call.cached), 32);
        }
        Calls::setWasmInitCostScalar(call) => params.init_cost_scalar = units(call.percent, 2),
        Calls::setWasmExpiryDays(call) => params.expiry_days = call._days,
        Calls::setWasmKeepaliveDays(call) => params.keepalive_days = call._days,
        Calls::setWasmBlockCacheSize(call) => params.block_cache_size = call.count,
        Calls::setWasmMaxSize(call) if arbos >= 40 => params.max_wasm_size = call.size,
        Calls::setMaxStylusContractFragments(call) if arbos >= 60 => {
            params.max_fragments = call.maxFragments;
        }
        _ => return Err(Stop::Revert),
    }
    Ok(())
}

fn units(value: u64, unit: u64) -> u8 {
    u8::try_from(value.div_ceil(unit)).unwrap_or(u8::MAX)
}

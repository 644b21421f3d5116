//! ArbOwner, 0x70: what chain owners can set. Owners pay no gas, others lose all.

use alloy::sol_types::{SolEvent, SolInterface};
use revm::primitives::{FixedBytes, U256};

use super::{
    Ctx, Purity, Stop,
    abi::ArbOwner::{self, ArbOwnerCalls as Calls},
    account, flag, owner_public, owners, wasm_cache,
};
use crate::arbos::{
    genesis::L1_PRICE_PER_UNIT,
    params::StylusParams,
    space::{Space, id, root},
};

/// Ink prices are 24 bits.
const MAX_INK_PRICE: u32 = (1 << 24) - 1;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Calls::valid_selector(selector).then_some(Purity::Write)
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let caller = ctx.caller;
    if !owners().contains(ctx.world, caller)? {
        return Err(Stop::Hard("unauthorized caller to access-controlled method".into()));
    }
    // Owners act for free: enough for any setter, and given back afterwards.
    ctx.gas = u64::MAX / 2;
    let call = Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)?;
    let output = act(ctx, call)?;
    let mut method = [0; 4];
    method.copy_from_slice(&input[..4]);
    ctx.emit(
        ArbOwner::OwnerActs {
            method: FixedBytes(method),
            owner: caller,
            data: input.to_vec().into(),
        }
        .encode_log_data(),
    )?;
    Ok(output)
}

fn act(ctx: &mut Ctx<'_>, call: Calls) -> Result<Vec<u8>, Stop> {
    let base = Space::root();
    match call {
        Calls::addChainOwner(call) => owners().add(ctx.world, call.newOwner)?,
        Calls::removeChainOwner(call) => owners().remove(ctx.world, call.ownerToRemove)?,
        Calls::isChainOwner(call) => return Ok(flag(owners().contains(ctx.world, call.addr)?)),
        Calls::getAllChainOwners(_) => return owner_public::all_owners(ctx),
        Calls::getNetworkFeeAccount(_) => return Ok(account(ctx.network_fee_account()?)),
        Calls::setNetworkFeeAccount(call) => {
            let word = call.account.into_word().into();
            ctx.write(base.field(root::NETWORK_FEE_ACCOUNT), word)?;
        }
        Calls::setL1PricePerUnit(call) => {
            let slot = base.sub(id::L1_PRICING).field(L1_PRICE_PER_UNIT);
            ctx.write(slot, call.pricePerUnit)?;
        }
        Calls::scheduleArbOSUpgrade(call) => {
            ctx.write(base.field(root::UPGRADE_VERSION), U256::from(call.newVersion))?;
            ctx.write(base.field(root::UPGRADE_TIMESTAMP), U256::from(call.timestamp))?;
        }
        Calls::addWasmCacheManager(call) => {
            wasm_cache::managers().add(ctx.world, call.manager)?;
        }
        Calls::removeWasmCacheManager(call) => {
            wasm_cache::managers().remove(ctx.world, call.manager)?;
        }
        Calls::setWasmActivationGas(call) if ctx.arbos >= 60 => {
            ctx.write(Space::programs(5).field(0), U256::from(call.gas))?;
        }
        other => {
            let mut params = StylusParams::load(ctx.world)?;
            set_parameter(&mut params, &other, ctx.arbos)?;
            params.store(ctx.world)?;
        }
    }
    Ok(Vec::new())
}

fn set_parameter(params: &mut StylusParams, call: &Calls, arbos: u64) -> Result<(), Stop> {
    match call {
        Calls::setInkPrice(call) if (1..=MAX_INK_PRICE).contains(&call.price) => {
            params.ink_price = call.price;
        }
        Calls::setInkPrice(_) => return Err(Stop::Revert),
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
        _ => return Err(Stop::OutOfGas),
    }
    Ok(())
}

fn units(value: u64, unit: u64) -> u8 {
    u8::try_from(value.div_ceil(unit)).unwrap_or(u8::MAX)
}

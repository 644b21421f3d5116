//! ArbOwner, 0x70: what chain owners can set. Owners need the gas but get it back; others lose
//! all of it.

mod stylus;

use alloy::sol_types::{SolCall, SolEvent, SolInterface};
use revm::primitives::{Address, FixedBytes, Log, U256};

use super::{
    Call, Ctx, Ended, Purity, READ, Stop,
    abi::ArbOwner::{self, ArbOwnerCalls as Calls},
    account, flag, owner_public, owners, unguarded, wasm_cache, word,
};
use crate::{
    arbos::{
        genesis::{
            BASE_FEE_FIELD, BLOCK_LIMIT_FIELD, INERTIA_FIELD, L1_PRICE_PER_UNIT,
            MIN_BASE_FEE_FIELD, SPEED_LIMIT_FIELD, TOLERANCE_FIELD, TX_LIMIT_FIELD, l1_field,
        },
        params::NEWEST,
        space::{Space, id, root},
        world::World,
    },
    vm::FUNDS_POOL,
};

/// Highest brotli level.
const MAX_BROTLI_LEVEL: u64 = 11;

/// Runs a call that only owners may make. What succeeds is recorded in an event.
pub(super) fn guarded(world: &mut dyn World, call: &Call) -> Ended {
    match owners().contains(world, call.caller) {
        Ok(true) if call.gas >= 2 * READ => {}
        Ok(true) => return Ended { result: Err(Stop::OutOfGas), gas: 0 },
        Ok(false) => return Ended::hard("unauthorized caller to access-controlled method"),
        Err(error) => return Ended { result: Err(error.into()), gas: 0 },
    }
    let result = match unguarded(world, call).result {
        Err(Stop::OutOfGas | Stop::Hard(_)) => Err(Stop::Revert),
        other => other,
    };
    if result.is_ok() && !call.is_static {
        let method = call.input.first_chunk().copied().unwrap_or_default();
        let event = ArbOwner::OwnerActs {
            method: FixedBytes(method),
            owner: call.caller,
            data: call.input.clone(),
        };
        world.log(Log { address: call.to, data: event.encode_log_data() });
    }
    Ended { result, gas: call.gas }
}

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbOwner::isChainOwnerCall::SELECTOR
        | ArbOwner::getAllChainOwnersCall::SELECTOR
        | ArbOwner::getNetworkFeeAccountCall::SELECTOR
        | ArbOwner::getInfraFeeAccountCall::SELECTOR => Purity::View,
        other if Calls::valid_selector(other) => Purity::Write,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::isChainOwner(call) => Ok(flag(ctx.is_owner(call.addr)?)),
        Calls::getAllChainOwners(_) => owner_public::all_owners(ctx),
        Calls::getNetworkFeeAccount(_) => Ok(account(ctx.network_fee_account()?)),
        Calls::getInfraFeeAccount(_) => {
            Ok(word(ctx.read(Space::root().field(root::INFRA_FEE_ACCOUNT))?))
        }
        Calls::releaseL1PricerSurplusFunds(call) => release(ctx, call.maxWeiToRelease),
        other => act(ctx, other).map(|()| Vec::new()),
    }
}

fn act(ctx: &mut Ctx<'_>, call: Calls) -> Result<(), Stop> {
    match call {
        Calls::addChainOwner(call) => Ok(owners().add(ctx.world, call.newOwner)?),
        Calls::removeChainOwner(call) => {
            if !ctx.is_owner(call.ownerToRemove)? {
                return Err(Stop::Revert);
            }
            Ok(owners().remove(ctx.world, call.ownerToRemove)?)
        }
        Calls::addWasmCacheManager(call) => {
            Ok(wasm_cache::managers().add(ctx.world, call.manager)?)
        }
        Calls::removeWasmCacheManager(call) => {
            ctx.burn(READ)?;
            if !wasm_cache::managers().contains(ctx.world, call.manager)? {
                return Err(Stop::Revert);
            }
            Ok(wasm_cache::managers().remove(ctx.world, call.manager)?)
        }
        Calls::setNetworkFeeAccount(call) => {
            set_account(ctx, root::NETWORK_FEE_ACCOUNT, call.newNetworkFeeAccount)
        }
        Calls::setInfraFeeAccount(call) => {
            set_account(ctx, root::INFRA_FEE_ACCOUNT, call.newInfraFeeAccount)
        }
        Calls::setBrotliCompressionLevel(call) if call.level <= MAX_BROTLI_LEVEL => {
            ctx.write(Space::root().field(root::BROTLI_LEVEL), U256::from(call.level))
        }
        Calls::setBrotliCompressionLevel(_) => Err(Stop::Revert),
        // A chain that upgrades beyond what the node knows would stop.
        Calls::scheduleArbOSUpgrade(call) if call.newVersion > NEWEST => Err(Stop::Revert),
        Calls::scheduleArbOSUpgrade(call) => {
            let base = Space::root();
            ctx.write(base.field(root::UPGRADE_VERSION), U256::from(call.newVersion))?;
            ctx.write(base.field(root::UPGRADE_TIMESTAMP), U256::from(call.timestamp))
        }
        other => match pricing(&other, ctx.arbos) {
            Some(Ok((space, field, value))) => {
                ctx.write(Space::root().sub(space).field(field), value)
            }
            Some(Err(stop)) => Err(stop),
            None => stylus::set(ctx, &other),
        },
    }
}

/// Where a price setting stands, and its new value.
fn pricing(call: &Calls, arbos: u64) -> Option<Result<(u8, u64, U256), Stop>> {
    let positive = |value: u64| if value == 0 { Err(Stop::Revert) } else { Ok(U256::from(value)) };
    let (space, field, value) = match call {
        Calls::setL2BaseFee(call) => (id::L2_PRICING, BASE_FEE_FIELD, Ok(call.priceInWei)),
        Calls::setMinimumL2BaseFee(call) => {
            (id::L2_PRICING, MIN_BASE_FEE_FIELD, Ok(call.priceInWei))
        }
        Calls::setSpeedLimit(call) => (id::L2_PRICING, SPEED_LIMIT_FIELD, positive(call.limit)),
        Calls::setMaxTxGasLimit(call) => {
            let field = if arbos >= 50 { TX_LIMIT_FIELD } else { BLOCK_LIMIT_FIELD };
            (id::L2_PRICING, field, Ok(U256::from(call.limit)))
        }
        Calls::setMaxBlockGasLimit(call) if arbos >= 50 => {
            (id::L2_PRICING, BLOCK_LIMIT_FIELD, Ok(U256::from(call.limit)))
        }
        Calls::setL2GasPricingInertia(call) => (id::L2_PRICING, INERTIA_FIELD, positive(call.sec)),
        Calls::setL2GasBacklogTolerance(call) => {
            (id::L2_PRICING, TOLERANCE_FIELD, Ok(U256::from(call.sec)))
        }
        Calls::setL1PricePerUnit(call) => {
            (id::L1_PRICING, L1_PRICE_PER_UNIT, Ok(call.pricePerUnit))
        }
        Calls::setL1PricingEquilibrationUnits(call) => {
            (id::L1_PRICING, l1_field::EQUILIBRATION, Ok(call.equilibrationUnits))
        }
        Calls::setL1PricingInertia(ArbOwner::setL1PricingInertiaCall { inertia })
        | Calls::setL1BaseFeeEstimateInertia(ArbOwner::setL1BaseFeeEstimateInertiaCall {
            inertia,
        }) => (id::L1_PRICING, l1_field::INERTIA, Ok(U256::from(*inertia))),
        Calls::setL1PricingRewardRecipient(call) => {
            (id::L1_PRICING, l1_field::REWARD_RECIPIENT, Ok(call.recipient.into_word().into()))
        }
        Calls::setL1PricingRewardRate(call) => {
            (id::L1_PRICING, l1_field::REWARD_RATE, Ok(U256::from(call.weiPerUnit)))
        }
        Calls::setPerBatchGasCharge(call) => {
            let bits = U256::from(call.cost.unsigned_abs());
            let value = if call.cost < 0 { bits.wrapping_neg() } else { bits };
            (id::L1_PRICING, l1_field::PER_BATCH, Ok(value))
        }
        Calls::setAmortizedCostCapBips(call) => {
            (id::L1_PRICING, l1_field::COST_CAP, Ok(U256::from(call.cap)))
        }
        Calls::setParentGasFloorPerToken(call) if arbos >= 50 => {
            (id::L1_PRICING, l1_field::GAS_FLOOR, Ok(U256::from(call.floorPerToken)))
        }
        _ => return None,
    };
    Some(value.map(|value| (space, field, value)))
}

fn set_account(ctx: &mut Ctx<'_>, field: u64, account: Address) -> Result<(), Stop> {
    ctx.write(Space::root().field(field), account.into_word().into())
}

/// Lets posters be paid from wei that the pool has beyond what is recognised.
fn release(ctx: &mut Ctx<'_>, most: U256) -> Result<Vec<u8>, Stop> {
    let slot = Space::root().sub(id::L1_PRICING).field(l1_field::FEES_AVAILABLE);
    let known = ctx.read(slot)?;
    let Some(surplus) = ctx.world.balance(FUNDS_POOL)?.checked_sub(known) else {
        return Ok(word(0u64));
    };
    let released = surplus.min(most);
    ctx.write(slot, known + released)?;
    Ok(word(released))
}

//! ArbGasInfo, 0x6c: prices.

use alloy::sol_types::SolInterface;
use revm::primitives::U256;

use super::{Ctx, Purity, Stop, abi::ArbGasInfo::ArbGasInfoCalls as Calls, aggregator, word};
use crate::arbos::{
    genesis::{
        BACKLOG_FIELD, BLOCK_LIMIT_FIELD, INERTIA_FIELD, L1_PRICE_PER_UNIT, MIN_BASE_FEE_FIELD,
        SPEED_LIMIT_FIELD, TOLERANCE_FIELD, TX_LIMIT_FIELD, l1_field,
    },
    space::{Space, id},
};

/// Calldata units per byte.
const UNITS_PER_BYTE: u64 = 16;
/// Gas of a storage slot.
const SLOT_GAS: u64 = 20_000;
/// Bytes of the transaction that prices are quoted for.
const TX_BYTES: u64 = 140;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Calls::valid_selector(selector).then_some(Purity::View)
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let basefee = U256::from(ctx.world.block().basefee);
    Ok(match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::getPricesInWei(_) | Calls::getPricesInWeiWithAggregator(_) => {
            let per_byte = l1(ctx, L1_PRICE_PER_UNIT)? * U256::from(UNITS_PER_BYTE);
            let minimum = l2(ctx, MIN_BASE_FEE_FIELD)?.min(basefee);
            let quoted = per_byte * U256::from(TX_BYTES);
            let storage = basefee * U256::from(SLOT_GAS);
            let congestion = basefee - minimum;
            [quoted, per_byte, storage, minimum, congestion, basefee].map(word).concat()
        }
        Calls::getPricesInArbGas(_) | Calls::getPricesInArbGasWithAggregator(_) => {
            let per_byte = l1(ctx, L1_PRICE_PER_UNIT)? * U256::from(UNITS_PER_BYTE);
            let in_gas = |wei: U256| wei.checked_div(basefee).unwrap_or_default();
            let quoted = in_gas(per_byte * U256::from(TX_BYTES));
            [quoted, in_gas(per_byte), U256::from(SLOT_GAS)].map(word).concat()
        }
        Calls::getGasAccountingParams(_) => {
            let (speed, limit) = (l2(ctx, SPEED_LIMIT_FIELD)?, l2(ctx, BLOCK_LIMIT_FIELD)?);
            [speed, limit, limit].map(word).concat()
        }
        Calls::getMinimumGasPrice(_) => word(l2(ctx, MIN_BASE_FEE_FIELD)?),
        Calls::getL1BaseFeeEstimate(_) | Calls::getL1GasPriceEstimate(_) => {
            word(l1(ctx, L1_PRICE_PER_UNIT)?)
        }
        Calls::getL1RewardRecipient(_) => word(l1(ctx, l1_field::REWARD_RECIPIENT)?),
        Calls::getL1PricingEquilibrationUnits(_) => word(l1(ctx, l1_field::EQUILIBRATION)?),
        Calls::getL1BaseFeeEstimateInertia(_) => word(l1(ctx, l1_field::INERTIA)?),
        Calls::getL1RewardRate(_) => word(l1(ctx, l1_field::REWARD_RATE)?),
        Calls::getLastL1PricingUpdateTime(_) => word(l1(ctx, l1_field::UPDATED)?),
        Calls::getL1PricingFundsDueForRewards(_) => word(l1(ctx, l1_field::REWARDS_DUE)?),
        Calls::getL1PricingUnitsSinceUpdate(_) => word(l1(ctx, l1_field::UNITS)?),
        Calls::getLastL1PricingSurplus(_) => word(l1(ctx, l1_field::LAST_SURPLUS)?),
        Calls::getPerBatchGasCharge(_) => word(l1(ctx, l1_field::PER_BATCH)?),
        Calls::getAmortizedCostCapBips(_) => word(l1(ctx, l1_field::COST_CAP)?),
        Calls::getL1FeesAvailable(_) => word(l1(ctx, l1_field::FEES_AVAILABLE)?),
        Calls::getL1PricingSurplus(_) => {
            let refunds = ctx.read(aggregator::table().field(0))?;
            let rewards = l1(ctx, l1_field::REWARDS_DUE)?;
            let funds = l1(ctx, l1_field::FEES_AVAILABLE)?;
            // A negative surplus is the two's complement that the ABI wants.
            word(funds.wrapping_sub(refunds.wrapping_add(rewards)))
        }
        Calls::getCurrentTxL1GasFees(_) => word(ctx.world.poster_fee()),
        Calls::getGasBacklog(_) => word(l2(ctx, BACKLOG_FIELD)?),
        Calls::getPricingInertia(_) => word(l2(ctx, INERTIA_FIELD)?),
        Calls::getGasBacklogTolerance(_) => word(l2(ctx, TOLERANCE_FIELD)?),
        Calls::getMaxTxGasLimit(_) if ctx.arbos >= 50 => word(l2(ctx, TX_LIMIT_FIELD)?),
        Calls::getMaxBlockGasLimit(_) if ctx.arbos >= 50 => word(l2(ctx, BLOCK_LIMIT_FIELD)?),
        _ => return Err(Stop::OutOfGas),
    })
}

fn l1(ctx: &mut Ctx<'_>, field: u64) -> Result<U256, Stop> {
    ctx.read(Space::root().sub(id::L1_PRICING).field(field))
}

fn l2(ctx: &mut Ctx<'_>, field: u64) -> Result<U256, Stop> {
    ctx.read(Space::root().sub(id::L2_PRICING).field(field))
}

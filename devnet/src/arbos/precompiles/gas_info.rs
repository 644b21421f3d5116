//! ArbGasInfo, 0x6c: prices.

use alloy::sol_types::SolInterface;
use revm::primitives::U256;

use super::{Ctx, Purity, Stop, abi::ArbGasInfo::ArbGasInfoCalls as Calls, word};
use crate::arbos::{
    genesis::L1_PRICE_PER_UNIT,
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
            let per_byte = l1_price(ctx)? * U256::from(UNITS_PER_BYTE);
            let minimum = l2(ctx, 3)?.min(basefee);
            let quoted = per_byte * U256::from(TX_BYTES);
            let storage = basefee * U256::from(SLOT_GAS);
            let congestion = basefee - minimum;
            [quoted, per_byte, storage, minimum, congestion, basefee].map(word).concat()
        }
        Calls::getPricesInArbGas(_) | Calls::getPricesInArbGasWithAggregator(_) => {
            let per_byte = l1_price(ctx)? * U256::from(UNITS_PER_BYTE);
            let gas = per_byte.checked_div(basefee).unwrap_or_default();
            [gas * U256::from(TX_BYTES), gas, U256::from(SLOT_GAS)].map(word).concat()
        }
        Calls::getGasAccountingParams(_) => {
            let (speed, limit) = (l2(ctx, 0)?, l2(ctx, 1)?);
            [speed, limit, limit].map(word).concat()
        }
        Calls::getMinimumGasPrice(_) => word(l2(ctx, 3)?),
        Calls::getL1BaseFeeEstimate(_) | Calls::getL1GasPriceEstimate(_) => word(l1_price(ctx)?),
        Calls::getCurrentTxL1GasFees(_) => word(0u64),
        Calls::getGasBacklog(_) => word(l2(ctx, 4)?),
        Calls::getPricingInertia(_) => word(l2(ctx, 5)?),
        Calls::getGasBacklogTolerance(_) => word(l2(ctx, 6)?),
        Calls::getMaxTxGasLimit(_) | Calls::getMaxBlockGasLimit(_) if ctx.arbos >= 50 => {
            word(l2(ctx, 1)?)
        }
        _ => return Err(Stop::OutOfGas),
    })
}

fn l1_price(ctx: &mut Ctx<'_>) -> Result<U256, Stop> {
    ctx.read(Space::root().sub(id::L1_PRICING).field(L1_PRICE_PER_UNIT))
}

fn l2(ctx: &mut Ctx<'_>, field: u64) -> Result<U256, Stop> {
    ctx.read(Space::root().sub(id::L2_PRICING).field(field))
}

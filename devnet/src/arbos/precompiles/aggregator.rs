//! ArbAggregator, 0x6d: who posts batches to the parent chain, and who is paid for it.

use alloy::sol_types::{SolCall, SolInterface, SolValue};
use revm::primitives::{Address, U256, address};

use super::{
    Ctx, Purity, READ, Stop, WRITE, WRITE_ZERO,
    abi::ArbAggregator::{self, ArbAggregatorCalls as Calls},
    account, flag, word,
};
use crate::arbos::{
    space::{AddressSet, Space, id},
    world::{Slots, StateError},
};

/// The poster every chain starts with: the sequencer.
pub(in crate::arbos) const POSTER: Address = address!("a4b000000000000000000073657175656e636572");
/// Field of a poster's space: who is paid.
const PAY_TO: u64 = 1;

/// The space of the table of posters; its field 0 is what they are owed in all.
pub(super) fn table() -> Space {
    Space::root().sub(id::L1_PRICING).sub(0)
}

fn posters() -> AddressSet {
    AddressSet::new(table().sub(0))
}

fn pay_to(poster: Address) -> U256 {
    table().sub(1).named(poster.as_slice()).field(PAY_TO)
}

/// Enters a poster that is paid itself.
pub(in crate::arbos) fn enter(slots: &mut dyn Slots, poster: Address) -> Result<(), StateError> {
    posters().add(slots, poster)?;
    slots.set_slot(pay_to(poster), poster.into_word().into())
}

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbAggregator::addBatchPosterCall::SELECTOR
        | ArbAggregator::setFeeCollectorCall::SELECTOR
        | ArbAggregator::setTxBaseFeeCall::SELECTOR => Purity::Write,
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    Ok(match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::getPreferredAggregator(_) => [account(POSTER), flag(true)].concat(),
        Calls::getDefaultAggregator(_) => account(POSTER),
        Calls::getTxBaseFee(_) => word(0u64),
        Calls::setTxBaseFee(_) => Vec::new(),
        Calls::getBatchPosters(_) => {
            ctx.burn(READ)?;
            let members = posters().members(ctx.world)?;
            ctx.burn(READ * members.len() as u64)?;
            members.abi_encode()
        }
        Calls::addBatchPoster(call) => {
            let caller = ctx.caller;
            if !ctx.is_owner(caller)? {
                return Err(Stop::Revert);
            }
            if !is_poster(ctx, call.newBatchPoster)? {
                // Checked twice more, then two fields, the size and two places of the set.
                ctx.burn(2 * READ + WRITE_ZERO + WRITE + READ + WRITE + 2 * WRITE)?;
                enter(ctx.world, call.newBatchPoster)?;
            }
            Vec::new()
        }
        Calls::getFeeCollector(call) => account(collector(ctx, call.batchPoster)?),
        Calls::setFeeCollector(call) => {
            let caller = ctx.caller;
            let old = collector(ctx, call.batchPoster)?;
            if caller != call.batchPoster && caller != old && !ctx.is_owner(caller)? {
                return Err(Stop::Revert);
            }
            ctx.write(pay_to(call.batchPoster), call.newFeeCollector.into_word().into())?;
            Vec::new()
        }
    })
}

fn is_poster(ctx: &mut Ctx<'_>, poster: Address) -> Result<bool, Stop> {
    ctx.burn(READ)?;
    Ok(posters().contains(ctx.world, poster)?)
}

fn collector(ctx: &mut Ctx<'_>, poster: Address) -> Result<Address, Stop> {
    if !is_poster(ctx, poster)? {
        return Err(Stop::Revert);
    }
    Ok(Address::from_word(ctx.read(pay_to(poster))?.into()))
}

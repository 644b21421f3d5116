//! Precompiles with little to say on a chain without parent: the function table (0x68), tickets
//! (0x6e), statistics (0x6f), and ArbOS itself (0xa4b05).

use alloy::sol_types::{SolCall, SolError, SolInterface};

use super::{
    Ctx, Purity, READ, Stop,
    abi::{
        ArbFunctionTable::{self, ArbFunctionTableCalls},
        ArbRetryableTx::{self, ArbRetryableTxCalls},
        ArbStatistics::ArbStatisticsCalls,
        ArbosActs::{self, ArbosActsCalls},
    },
    account, word,
};

/// Seconds that a ticket lives: a week.
const TICKET_LIFETIME: u64 = 604_800;

pub(super) fn table_purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbFunctionTable::uploadCall::SELECTOR => Purity::Write,
        other if ArbFunctionTableCalls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

/// The table is always empty; uploads are ignored.
pub(super) fn run_table(_: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match ArbFunctionTableCalls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        ArbFunctionTableCalls::upload(_) => Ok(Vec::new()),
        ArbFunctionTableCalls::size(_) => Ok(word(0u64)),
        ArbFunctionTableCalls::get(_) => Err(Stop::Revert),
    }
}

pub(super) fn retryable_purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbRetryableTx::redeemCall::SELECTOR
        | ArbRetryableTx::keepaliveCall::SELECTOR
        | ArbRetryableTx::cancelCall::SELECTOR
        | ArbRetryableTx::submitRetryableCall::SELECTOR => Purity::Write,
        other if ArbRetryableTxCalls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

/// Tickets come from the parent chain, so there is none.
pub(super) fn run_retryable(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let lookups = match ArbRetryableTxCalls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        ArbRetryableTxCalls::getLifetime(_) => return Ok(word(TICKET_LIFETIME)),
        ArbRetryableTxCalls::getCurrentRedeemer(_) => return Ok(account(Default::default())),
        ArbRetryableTxCalls::submitRetryable(_) => {
            return Err(Stop::Solidity(ArbRetryableTx::NotCallable {}.abi_encode()));
        }
        ArbRetryableTxCalls::redeem(_) => 2,
        _ => 1,
    };
    ctx.burn(lookups * READ)?;
    Err(Stop::Solidity(ArbRetryableTx::NoTicketWithID {}.abi_encode()))
}

pub(super) fn statistics_purity(selector: [u8; 4]) -> Option<Purity> {
    ArbStatisticsCalls::valid_selector(selector).then_some(Purity::View)
}

/// The block number, and five zeros about the chain before Nitro.
pub(super) fn run_statistics(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let ArbStatisticsCalls::getStats(_) =
        ArbStatisticsCalls::abi_decode(input).map_err(|_| Stop::OutOfGas)?;
    Ok([ctx.world.block().number, 0, 0, 0, 0, 0].map(word).concat())
}

pub(super) fn acts_purity(selector: [u8; 4]) -> Option<Purity> {
    ArbosActsCalls::valid_selector(selector).then_some(Purity::Write)
}

/// Nobody but the chain's own transactions may act for it.
pub(super) fn run_acts(_: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    ArbosActsCalls::abi_decode(input).map_err(|_| Stop::OutOfGas)?;
    Err(Stop::Solidity(ArbosActs::CallerNotArbOS {}.abi_encode()))
}

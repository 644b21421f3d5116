//! ArbInfo, 0x65: balances and code.

use alloy::sol_types::{SolInterface, SolValue};

use super::{Ctx, Purity, Stop, abi::ArbInfo::ArbInfoCalls as Calls, word};

const BALANCE: u64 = 700;
const COLD_READ: u64 = 2100;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Calls::valid_selector(selector).then_some(Purity::View)
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::getBalance(call) => {
            ctx.burn(BALANCE)?;
            Ok(word(ctx.world.balance(call.account)?))
        }
        Calls::getCode(call) => {
            ctx.burn(COLD_READ)?;
            let (code, _) = ctx.world.code(call.account)?;
            ctx.burn(super::WORD * (code.len() as u64).div_ceil(32))?;
            Ok(code.abi_encode())
        }
    }
}

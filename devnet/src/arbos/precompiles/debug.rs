//! ArbDebug, 0xff, of debug chains, and ArbosTest, 0x69.

use alloy::sol_types::{SolCall, SolError, SolEvent, SolInterface, SolValue};

use super::{
    Ctx, Purity, Stop,
    abi::{
        ArbDebug::{self, ArbDebugCalls as Calls},
        ArbosTest::ArbosTestCalls,
    },
    account, owners, word,
};

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbDebug::becomeChainOwnerCall::SELECTOR
        | ArbDebug::overwriteContractCodeCall::SELECTOR
        | ArbDebug::panicCall::SELECTOR => Purity::Write,
        ArbDebug::eventsCall::SELECTOR => Purity::Payable,
        ArbDebug::eventsViewCall::SELECTOR => Purity::View,
        other if Calls::valid_selector(other) => Purity::Pure,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::becomeChainOwner(_) => {
            let caller = ctx.caller;
            owners().add(ctx.world, caller)?;
            Ok(Vec::new())
        }
        Calls::overwriteContractCode(call) => {
            let (old, _) = ctx.world.code(call.target)?;
            ctx.world.set_code(call.target, call.newCode)?;
            Ok(old.abi_encode())
        }
        Calls::customRevert(call) => {
            let message = r"This spider family wards off bugs: /\oo/\ //\(oo)/\ /\oo/\";
            let error =
                ArbDebug::Custom { number: call.number, message: message.into(), flag: true };
            Err(Stop::Solidity(error.abi_encode()))
        }
        Calls::events(call) => {
            let basic = ArbDebug::Basic { flag: !call.flag, value: call.value };
            ctx.emit(basic.encode_log_data())?;
            let mixed = ArbDebug::Mixed {
                flag: call.flag,
                not: !call.flag,
                value: call.value,
                conn: ctx.to,
                caller: ctx.caller,
            };
            ctx.emit(mixed.encode_log_data())?;
            Ok([account(ctx.caller), word(ctx.value)].concat())
        }
        // A view may not emit anything, which is what it is there to show.
        Calls::eventsView(_) | Calls::legacyError(_) => Err(Stop::Revert),
        Calls::panic(_) => Err(Stop::Hard("called ArbDebug's debug-only Panic method".into())),
    }
}

pub(super) fn test_purity(selector: [u8; 4]) -> Option<Purity> {
    ArbosTestCalls::valid_selector(selector).then_some(Purity::Pure)
}

pub(super) fn run_test(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let ArbosTestCalls::burnArbGas(call) =
        ArbosTestCalls::abi_decode(input).map_err(|_| Stop::OutOfGas)?;
    ctx.burn(call.gasAmount.saturating_to())?;
    Ok(Vec::new())
}

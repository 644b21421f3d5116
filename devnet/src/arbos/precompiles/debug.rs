//! ArbDebug, 0xff, of debug chains, and ArbosTest, 0x69.

use alloy::sol_types::{SolCall, SolError, SolInterface, SolValue};

use super::{
    Ctx, Purity, Stop,
    abi::{
        ArbDebug::{self, ArbDebugCalls as Calls},
        ArbosTest::ArbosTestCalls,
    },
    owners,
};

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbDebug::becomeChainOwnerCall::SELECTOR
        | ArbDebug::overwriteContractCodeCall::SELECTOR => Purity::Write,
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
            let message = "custom revert";
            let error =
                ArbDebug::Custom { number: call.number, message: message.into(), flag: true };
            Err(Stop::Solidity(error.abi_encode()))
        }
        Calls::legacyError(_) => Err(Stop::Revert),
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

//! ArbOwnerPublic, 0x6b: what anybody may know about the chain's set-up.

use alloy::sol_types::{SolInterface, SolValue};

use super::{
    Ctx, Purity, READ, Stop, abi::ArbOwnerPublic::ArbOwnerPublicCalls as Calls, account, flag,
    owners, word,
};
use crate::arbos::{
    params::StylusParams,
    space::{Space, root},
};

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Calls::valid_selector(selector).then_some(Purity::View)
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let base = Space::root();
    Ok(match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::isChainOwner(call) => flag(ctx.is_owner(call.addr)?),
        Calls::getAllChainOwners(_) => all_owners(ctx)?,
        Calls::getNetworkFeeAccount(_) => account(ctx.network_fee_account()?),
        Calls::getInfraFeeAccount(_) => word(ctx.read(base.field(root::INFRA_FEE_ACCOUNT))?),
        Calls::getBrotliCompressionLevel(_) => word(ctx.read(base.field(root::BROTLI_LEVEL))?),
        Calls::getScheduledUpgrade(_) => {
            let version = ctx.read(base.field(root::UPGRADE_VERSION))?;
            let timestamp = ctx.read(base.field(root::UPGRADE_TIMESTAMP))?;
            if version <= base_version(ctx) {
                [word(0u64), word(0u64)].concat()
            } else {
                [word(version), word(timestamp)].concat()
            }
        }
        Calls::isCalldataPriceIncreaseEnabled(_) if ctx.arbos >= 40 => flag(false),
        Calls::getParentGasFloorPerToken(_) if ctx.arbos >= 50 => word(0u64),
        Calls::getMaxStylusContractFragments(_) if ctx.arbos >= 60 => {
            ctx.burn(100)?;
            word(StylusParams::load(ctx.world)?.max_fragments)
        }
        _ => return Err(Stop::OutOfGas),
    })
}

fn base_version(ctx: &Ctx<'_>) -> revm::primitives::U256 {
    revm::primitives::U256::from(ctx.arbos)
}

pub(super) fn all_owners(ctx: &mut Ctx<'_>) -> Result<Vec<u8>, Stop> {
    ctx.burn(READ)?;
    let members = owners().members(ctx.world)?;
    ctx.burn(READ * members.len() as u64)?;
    Ok(members.abi_encode())
}

//! ArbOwnerPublic, 0x6b: what anybody may know about the chain's set-up.

use alloy::sol_types::{SolCall, SolInterface, SolValue};
use revm::primitives::{Address, U256};

use super::{
    Ctx, Purity, READ, Stop,
    abi::ArbOwnerPublic::{self, ArbOwnerPublicCalls as Calls},
    account, flag, owners, word,
};
use crate::arbos::{
    genesis::l1_field,
    params::StylusParams,
    space::{Space, id, root},
};

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbOwnerPublic::rectifyChainOwnerCall::SELECTOR => Purity::Write,
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
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
            if version <= U256::from(ctx.arbos) {
                [word(0u64), word(0u64)].concat()
            } else {
                [word(version), word(timestamp)].concat()
            }
        }
        Calls::isCalldataPriceIncreaseEnabled(_) if ctx.arbos >= 40 => {
            ctx.burn(READ)?;
            flag(false)
        }
        Calls::isNativeTokenOwner(_) if ctx.arbos >= 41 => {
            ctx.burn(READ)?;
            flag(false)
        }
        Calls::getAllNativeTokenOwners(_) if ctx.arbos >= 41 => {
            ctx.burn(READ)?;
            Vec::<Address>::new().abi_encode()
        }
        Calls::getNativeTokenManagementFrom(_) if ctx.arbos >= 50 => {
            ctx.burn(READ)?;
            word(0u64)
        }
        Calls::getParentGasFloorPerToken(_) if ctx.arbos >= 50 => {
            word(ctx.read(base.sub(id::L1_PRICING).field(l1_field::GAS_FLOOR))?)
        }
        Calls::getCollectTips(_) if ctx.arbos >= 60 => {
            ctx.burn(READ)?;
            flag(false)
        }
        // The set of owners is never in disorder.
        Calls::rectifyChainOwner(call) => {
            ctx.is_owner(call.ownerToRectify)?;
            return Err(Stop::Revert);
        }
        Calls::getMaxStylusContractFragments(_) if ctx.arbos >= 60 => {
            ctx.burn(100)?;
            word(StylusParams::load(ctx.world)?.max_fragments)
        }
        _ => return Err(Stop::OutOfGas),
    })
}

pub(super) fn all_owners(ctx: &mut Ctx<'_>) -> Result<Vec<u8>, Stop> {
    ctx.burn(READ)?;
    let members = owners().members(ctx.world)?;
    ctx.burn(READ * members.len() as u64)?;
    Ok(members.abi_encode())
}

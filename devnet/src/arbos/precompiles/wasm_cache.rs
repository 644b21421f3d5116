//! ArbWasmCache, 0x72: which programs are kept ready, and who may say so.

use alloy::sol_types::{SolCall, SolEvent, SolInterface, SolValue};
use revm::primitives::B256;

use super::{
    Ctx, Purity, READ, Stop, WRITE,
    abi::ArbWasmCache::{self, ArbWasmCacheCalls as Calls},
    flag,
};
use crate::arbos::{
    activation::READ_PARAMS,
    params::StylusParams,
    programs::{Program, ProgramError},
    space::{AddressSet, Space},
};

const CODEHASH: u64 = 2600;

/// The set of cache managers.
pub(super) fn managers() -> AddressSet {
    AddressSet::new(Space::programs(4))
}

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbWasmCache::cacheCodehashCall::SELECTOR
        | ArbWasmCache::cacheProgramCall::SELECTOR
        | ArbWasmCache::evictCodehashCall::SELECTOR => Purity::Write,
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::isCacheManager(call) => {
            ctx.burn(READ)?;
            Ok(flag(managers().contains(ctx.world, call.manager)?))
        }
        Calls::allCacheManagers(_) => {
            ctx.burn(READ)?;
            let members = managers().members(ctx.world)?;
            ctx.burn(READ * members.len() as u64)?;
            Ok(members.abi_encode())
        }
        Calls::codehashIsCached(call) => {
            ctx.burn(READ)?;
            Ok(flag(Program::load(ctx.world, call.codehash)?.cached))
        }
        Calls::cacheCodehash(call) if ctx.arbos == 30 => set(ctx, call.codehash, true),
        Calls::cacheProgram(call) if ctx.arbos >= 31 => {
            ctx.burn(CODEHASH)?;
            let (_, codehash) = ctx.world.code(call.program)?;
            set(ctx, codehash, true)
        }
        Calls::evictCodehash(call) => set(ctx, call.codehash, false),
        Calls::cacheCodehash(_) | Calls::cacheProgram(_) => Err(Stop::OutOfGas),
    }
}

fn set(ctx: &mut Ctx<'_>, codehash: B256, cached: bool) -> Result<Vec<u8>, Stop> {
    ctx.burn(READ)?;
    let caller = ctx.caller;
    if !managers().contains(ctx.world, caller)? && !ctx.is_owner(caller)? {
        return Err(Stop::OutOfGas);
    }
    ctx.burn(READ_PARAMS)?;
    let params = StylusParams::load(ctx.world)?;
    ctx.burn(READ)?;
    let mut program = Program::load(ctx.world, codehash)?;
    let now = ctx.world.block().timestamp;
    if cached {
        if program.version != params.version {
            let (version, current) = (program.version, params.version);
            return Err(ProgramError::NeedsUpgrade { version, current }.into());
        }
        if program.expired(&params, now) {
            return Err(ProgramError::Expired { age: program.age(now) }.into());
        }
    }
    if program.cached == cached {
        return Ok(Vec::new());
    }
    ctx.emit(
        ArbWasmCache::UpdateProgramCache { manager: caller, codehash, cached }.encode_log_data(),
    )?;
    ctx.burn(u64::from(program.init_cost))?;
    ctx.burn(READ)?;
    program.cached = cached;
    ctx.burn(WRITE)?;
    program.store(ctx.world, codehash)?;
    Ok(Vec::new())
}

//! ArbWasm, 0x71: activation, keep-alive, and everything one can ask about programs.

use alloy::sol_types::{SolCall, SolEvent, SolInterface};
use revm::primitives::{Address, B256, U256};

use super::{
    Ctx, Purity, READ, Stop, WRITE,
    abi::ArbWasm::{self, ArbWasmCalls as Calls},
    word,
};
use crate::arbos::{
    activation::{self, PRICER, READ_PARAMS, module_hash},
    params::{PAGE_RAMP, StylusParams},
    programs::{Program, ProgramError, data_fee, hour_of},
    space::Space,
};

/// Gas of looking up an account's code hash.
const CODEHASH: u64 = 2600;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbWasm::activateProgramCall::SELECTOR | ArbWasm::codehashKeepaliveCall::SELECTOR => {
            Purity::Payable
        }
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::activateProgram(call) => activate(ctx, call.program),
        Calls::codehashKeepalive(call) => keepalive(ctx, call.codehash),
        Calls::codehashVersion(call) => Ok(word(active(ctx, call.codehash)?.1.version)),
        Calls::codehashAsmSize(call) => {
            Ok(word(active(ctx, call.codehash)?.1.asm_kib.saturating_mul(1024)))
        }
        Calls::programVersion(call) => Ok(word(program(ctx, call.program)?.1.version)),
        Calls::programMemoryFootprint(call) => Ok(word(program(ctx, call.program)?.1.footprint)),
        Calls::programInitGas(call) => {
            let (params, program) = program(ctx, call.program)?;
            let uncached = program.start_gas(&params, false);
            Ok([word(uncached), word(program.cached_gas(&params))].concat())
        }
        Calls::programTimeLeft(call) => {
            let (params, program) = program(ctx, call.program)?;
            let now = ctx.world.block().timestamp;
            Ok(word(program.time_left(&params, now)))
        }
        Calls::activationGas(_) if ctx.arbos < 60 => Err(Stop::OutOfGas),
        Calls::activationGas(_) => Ok(word(ctx.read(Space::programs(5).field(0))?)),
        other => parameter(ctx, &other),
    }
}

/// Functions that answer one parameter.
fn parameter(ctx: &mut Ctx<'_>, call: &Calls) -> Result<Vec<u8>, Stop> {
    let params = params(ctx)?;
    Ok(match call {
        Calls::stylusVersion(_) => word(params.version),
        Calls::inkPrice(_) => word(params.ink_price),
        Calls::maxStackDepth(_) => word(params.max_stack_depth),
        Calls::freePages(_) => word(params.free_pages),
        Calls::pageGas(_) => word(params.page_gas),
        Calls::pageRamp(_) => word(PAGE_RAMP),
        Calls::pageLimit(_) => word(params.page_limit),
        Calls::minInitGas(_) if ctx.arbos < 32 => return Err(Stop::Revert),
        Calls::minInitGas(_) => {
            let uncached = 128 * u64::from(params.min_init_gas);
            let cached = 32 * u64::from(params.min_cached_init_gas);
            [word(uncached), word(cached)].concat()
        }
        Calls::initCostScalar(_) => word(2 * u64::from(params.init_cost_scalar)),
        Calls::expiryDays(_) => word(params.expiry_days),
        Calls::keepaliveDays(_) => word(params.keepalive_days),
        Calls::blockCacheSize(_) => word(params.block_cache_size),
        _ => return Err(Stop::OutOfGas),
    })
}

fn params(ctx: &mut Ctx<'_>) -> Result<StylusParams, Stop> {
    ctx.burn(READ_PARAMS)?;
    Ok(StylusParams::load(ctx.world)?)
}

/// The record of an active program by code hash.
fn active(ctx: &mut Ctx<'_>, codehash: B256) -> Result<(StylusParams, Program), Stop> {
    let params = params(ctx)?;
    ctx.burn(READ)?;
    let program = Program::load(ctx.world, codehash)?;
    program.check_active(&params, ctx.world.block().timestamp)?;
    Ok((params, program))
}

/// The record of an active program by address.
fn program(ctx: &mut Ctx<'_>, address: Address) -> Result<(StylusParams, Program), Stop> {
    ctx.burn(CODEHASH)?;
    let (_, codehash) = ctx.world.code(address)?;
    active(ctx, codehash)
}

fn activate(ctx: &mut Ctx<'_>, address: Address) -> Result<Vec<u8>, Stop> {
    let done = activation::activate(ctx, address)?;
    pay(ctx, done.data_fee)?;
    ctx.emit(
        ArbWasm::ProgramActivated {
            codehash: done.codehash,
            moduleHash: module_hash(done.codehash, done.version),
            program: address,
            dataFee: done.data_fee,
            version: done.version,
        }
        .encode_log_data(),
    )?;
    Ok([word(done.version), word(done.data_fee)].concat())
}

/// Sends the data fee to the network fee account and the rest of the value back.
fn pay(ctx: &mut Ctx<'_>, fee: U256) -> Result<(), Stop> {
    let value = ctx.value;
    let Some(rest) = value.checked_sub(fee) else {
        return Err(ProgramError::InsufficientValue { have: value, want: fee }.into());
    };
    let network = ctx.network_fee_account()?;
    let moved = ctx.world.transfer(ctx.to, network, fee)?
        && ctx.world.transfer(ctx.to, ctx.caller, rest)?;
    if moved { Ok(()) } else { Err(Stop::Revert) }
}

fn keepalive(ctx: &mut Ctx<'_>, codehash: B256) -> Result<Vec<u8>, Stop> {
    let params = params(ctx)?;
    ctx.burn(READ)?;
    let mut program = Program::load(ctx.world, codehash)?;
    let now = ctx.world.block().timestamp;
    program.check_keepalive(&params, now)?;
    ctx.burn(PRICER)?;
    let fee = data_fee(ctx.world, program.asm_kib.saturating_mul(1024), now)?;
    program.hour = hour_of(now);
    ctx.burn(WRITE)?;
    program.store(ctx.world, codehash)?;
    pay(ctx, fee)?;
    ctx.emit(ArbWasm::ProgramLifetimeExtended { codehash, dataFee: fee }.encode_log_data())?;
    Ok(Vec::new())
}

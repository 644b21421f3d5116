//! Activating a program: the checks, the charges and what is recorded.

use revm::primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    params::{StylusParams, USEFUL_WASM_SIZE},
    precompiles::{Ctx, Stop},
    programs::{Program, ProgramError, data_fee, hour_of},
    space::Space,
    world::{StateError, World},
};
use crate::stylus::{
    code::{self, CodeError, Kind, Root},
    costs::ActivationNumbers,
    module::{LAST_WITH_MULTI_VALUE, ModuleError, Rules},
    prices::prices,
    rewrite::{self, Prepared},
};

/// Gas of reading the parameters.
pub(super) const READ_PARAMS: u64 = 100;
/// Gas of a storage read.
const READ: u64 = 800;
/// Gas of storing a non-zero value.
const WRITE: u64 = 20_000;
/// Gas of the data pricer: five reads and two writes.
pub(super) const PRICER: u64 = 5 * READ + 2 * WRITE;
/// Gas of reading a fragment's account.
const COLD_FRAGMENT: u64 = 2600;
const WARM_FRAGMENT: u64 = 100;
/// Largest code of an account, which a fragment is first assumed to have.
const MAX_CODE: u64 = 24_576;

/// A code that cannot be turned into a running program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The account holds no program.
    #[error("not a program")]
    NotWasm,
    /// Its code cannot be unpacked.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Its module is not acceptable.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// State could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

fn unpack(
    world: &mut dyn World,
    code: &Bytes,
    limit: usize,
    arbos: u64,
) -> Result<Vec<u8>, LoadError> {
    match Kind::of(code, arbos) {
        Some(Kind::Classic) => Ok(code::decompress_classic(code, limit)?),
        Some(Kind::Root) => {
            let root = Root::parse(code)?;
            let mut joined = Vec::new();
            for address in &root.fragments {
                let (code, _) = world.code(*address)?;
                joined.extend_from_slice(code::fragment_payload(&code));
            }
            Ok(code::decompress_root(&root, &joined)?)
        }
        _ => Err(LoadError::NotWasm),
    }
}

/// Unpacks and prepares the module of a code; costs nothing.
///
/// # Errors
/// When the code cannot be unpacked, its module is not acceptable, or state cannot be read.
pub fn prepare(
    world: &mut dyn World,
    code: &Bytes,
    params: &StylusParams,
    rules: Rules,
) -> Result<Prepared, LoadError> {
    let wasm = unpack(world, code, params.wasm_limit(), rules.arbos)?;
    Ok(rewrite::prepare(&wasm, rules)?)
}

/// The same for a program that is active: rules and limits that came after its activation do not
/// concern it.
///
/// # Errors
/// When the code is not what it was at activation, or state cannot be read.
pub fn reload(world: &mut dyn World, code: &Bytes, rules: Rules) -> Result<Prepared, LoadError> {
    let wasm = unpack(world, code, USEFUL_WASM_SIZE as usize, rules.arbos)?;
    let rules = Rules { arbos: rules.arbos.min(LAST_WITH_MULTI_VALUE), ..rules };
    Ok(rewrite::prepare(&wasm, rules)?)
}

/// Records an activation without charging anybody (automatic activation).
///
/// # Errors
/// When state cannot be written.
pub fn record(
    world: &mut dyn World,
    codehash: B256,
    numbers: &ActivationNumbers,
    params: &StylusParams,
    cached: bool,
) -> Result<Program, StateError> {
    let program = Program {
        version: params.version,
        init_cost: numbers.init_cost,
        cached_init_cost: numbers.cached_init_cost,
        footprint: numbers.footprint,
        hour: hour_of(world.block().timestamp),
        asm_kib: numbers.asm_estimate.div_ceil(1024),
        cached,
    };
    let hash = module_hash(codehash, params.version);
    world.set_slot(Space::programs(2).slot(codehash), hash.into())?;
    program.store(world, codehash)?;
    Ok(program)
}

/// Stand-in for the prover's module hash: unique and never zero, but not Nitro's value,
/// which only a node that carries the prover can know.
#[must_use]
pub fn module_hash(codehash: B256, version: u16) -> B256 {
    keccak256([b"module".as_slice(), codehash.as_slice(), &version.to_be_bytes()].concat())
}

/// The outcome of `activateProgram`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activated {
    pub codehash: B256,
    pub version: u16,
    pub data_fee: U256,
}

/// Runs the body of `activateProgram` up to the data fee.
pub(super) fn activate(ctx: &mut Ctx<'_>, address: Address) -> Result<Activated, Stop> {
    if ctx.arbos >= 60 {
        let price = ctx.read(Space::programs(5).field(0))?;
        ctx.burn(price.saturating_to())?;
    }
    ctx.burn(prices().activation().fixed_gas)?;
    let (code, codehash) = ctx.world.code(address)?;
    if ctx.world.self_destructed(address) {
        return Err(Stop::Revert);
    }
    ctx.burn(READ_PARAMS)?;
    let params = StylusParams::load(ctx.world)?;
    ctx.burn(READ)?;
    let now = ctx.world.block().timestamp;
    let old = Program::load(ctx.world, codehash)?;
    if old.version == params.version && !old.expired(&params, now) {
        return Err(ProgramError::UpToDate.into());
    }
    let wasm = read_program(ctx, &code, &params)?;
    let numbers = examine(ctx, &wasm, &params)?;
    if old.cached {
        ctx.burn(READ)?;
    }
    ctx.burn(WRITE + PRICER)?;
    let data_fee = data_fee(ctx.world, numbers.asm_estimate, now)?;
    ctx.burn(WRITE)?;
    record(ctx.world, codehash, &numbers, &params, old.cached)?;
    Ok(Activated { codehash, version: params.version, data_fee })
}

/// The module's bytes, paying for fragments.
fn read_program(ctx: &mut Ctx<'_>, code: &Bytes, params: &StylusParams) -> Result<Vec<u8>, Stop> {
    let unpacked = match Kind::of(code, ctx.arbos) {
        _ if code.is_empty() => return Err(ProgramError::NotWasm.into()),
        None if ctx.arbos >= 60 => return Err(ProgramError::NotWasm.into()),
        None | Some(Kind::Fragment) => return Err(Stop::Revert),
        Some(Kind::Classic) => code::decompress_classic(code, params.wasm_limit()),
        Some(Kind::Root) => return read_root(ctx, code, params),
    };
    unpacked.map_err(|_| Stop::Revert)
}

fn read_root(ctx: &mut Ctx<'_>, code: &Bytes, params: &StylusParams) -> Result<Vec<u8>, Stop> {
    let root = Root::parse(code).map_err(|_| Stop::Revert)?;
    let count = root.fragments.len();
    if root.length as usize > params.wasm_limit()
        || count == 0
        || count > usize::from(params.max_fragments)
    {
        return Err(Stop::Revert);
    }
    let mut joined = Vec::new();
    for address in &root.fragments {
        let cold = ctx.world.warm(*address)?;
        let access = if cold { COLD_FRAGMENT } else { WARM_FRAGMENT };
        if ctx.gas() < access + 3 * MAX_CODE.div_ceil(32) {
            return Err(Stop::OutOfGas);
        }
        let (code, _) = ctx.world.code(*address)?;
        ctx.burn(access + 3 * (code.len() as u64).div_ceil(32))?;
        if Kind::of(&code, ctx.arbos) != Some(Kind::Fragment) {
            return Err(Stop::Revert);
        }
        joined.extend_from_slice(code::fragment_payload(&code));
    }
    code::decompress_root(&root, &joined).map_err(|_| Stop::Revert)
}

/// Validates the module and takes the variable charge.
fn examine(
    ctx: &mut Ctx<'_>,
    wasm: &[u8],
    params: &StylusParams,
) -> Result<ActivationNumbers, Stop> {
    let hard = |text: String| Stop::Hard(format!("program activation failed: {text}"));
    let rules = Rules { arbos: ctx.arbos, debug: ctx.debug };
    let numbers = rewrite::prepare(wasm, rules).map_err(|error| hard(error.to_string()))?.numbers;
    let pages = params.page_limit.saturating_sub(ctx.world.open_pages());
    if numbers.footprint > pages {
        return Err(hard(format!("memory exceeds limit: {} > {pages}", numbers.footprint)));
    }
    for gas in numbers.variable_gas {
        ctx.burn(gas).map_err(|_| hard("out of gas".into()))?;
    }
    Ok(numbers)
}

//! Calls and creations by programs: what they cost before, and what comes back.

use revm::{
    Database,
    bytecode::Bytecode,
    context::JournalTr,
    handler::{EthFrame, FrameResult},
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, CreateInputs, CreateScheme, FrameInput,
        InstructionResult, interpreter::EthInterpreter, interpreter_types::RuntimeFlag,
    },
    primitives::{Address, B256, Bytes},
};

use super::{
    VmContext,
    evm::FrameError,
    frame::acting,
    requests::{COLD_ACCOUNT, Reply, WARM},
    world,
};
use crate::stylus::request::{CallKind, CallRequest, CreateRequest, Response};

type Frame = EthFrame<EthInterpreter>;

/// Gas of a call that brings an account to life.
const NEW_ACCOUNT: u64 = 25_000;
/// Gas of sending value, and what the callee gets of it for free.
const VALUE: u64 = 9000;
const STIPEND: u64 = 2300;
/// Gas of a creation, and of a word of CREATE2 init code.
const CREATE: u64 = 32_000;
const HASH_WORD: u64 = 6;

/// A call or creation under way, and what is needed to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vm) enum Pending {
    /// Base cost and gas given.
    Call { base: u64, given: u64 },
    /// Gas taken from the program, less what was kept back.
    Create { charged: u64 },
}

impl Pending {
    /// The program's answer once the inner frame has ended.
    pub fn settle(self, result: &FrameResult) -> Response {
        let outcome = result.instruction_result();
        let returned = if outcome.is_ok_or_revert() { result.gas().remaining() } else { 0 };
        match (self, result) {
            (Self::Call { base, given }, _) => Response::Called {
                success: outcome.is_ok(),
                data: if outcome.is_ok_or_revert() { output(result) } else { Bytes::new() },
                gas: (base + given).saturating_sub(returned),
            },
            (Self::Create { charged }, FrameResult::Create(create)) => Response::Created {
                address: create.address.filter(|_| outcome.is_ok()),
                data: if outcome == InstructionResult::Revert {
                    output(result)
                } else {
                    Bytes::new()
                },
                gas: charged.saturating_sub(returned),
            },
            (Self::Create { charged }, FrameResult::Call(_)) => {
                Response::Created { address: None, data: Bytes::new(), gas: charged }
            }
        }
    }
}

fn output(result: &FrameResult) -> Bytes {
    match result {
        FrameResult::Call(outcome) => outcome.result.output.clone(),
        FrameResult::Create(outcome) => outcome.result.output.clone(),
    }
}

const fn refused(gas: u64) -> Reply {
    Reply::Now(Response::Called { success: false, data: Bytes::new(), gas })
}

/// Prices a call and describes the frame it opens.
pub(super) fn call<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    frame: &mut Frame,
    call: &CallRequest,
) -> Result<Reply, FrameError<'a, DB>> {
    let is_static = frame.interpreter.runtime_flag.is_static();
    if is_static && !call.value.is_zero() {
        return Ok(refused(0));
    }
    let Some(base) = base_cost(ctx, call)? else { return Ok(refused(call.gas_left)) };
    let most = u128::from(call.gas_left - base) * 63 / 64;
    let wanted = call.gas.min(call.gas_left);
    let mut given = wanted.min(u64::try_from(most).unwrap_or(u64::MAX));
    if !call.value.is_zero() {
        given = given.saturating_add(STIPEND);
    }
    let known_bytecode = code_to_run(ctx, call.to)?;
    let own = &frame.interpreter.input;
    let (scheme, target_address, caller, value) = match call.kind {
        CallKind::Call => {
            (CallScheme::Call, call.to, acting(frame), CallValue::Transfer(call.value))
        }
        CallKind::Static => (CallScheme::StaticCall, call.to, acting(frame), CallValue::default()),
        CallKind::Delegate => (
            CallScheme::DelegateCall,
            acting(frame),
            own.caller_address,
            CallValue::Apparent(own.call_value),
        ),
    };
    let inputs = CallInputs {
        input: CallInput::Bytes(call.data.clone()),
        return_memory_offset: 0..0,
        gas_limit: given,
        reservoir: 0,
        bytecode_address: call.to,
        known_bytecode,
        target_address,
        caller,
        value,
        scheme,
        is_static: is_static || call.kind == CallKind::Static,
        charged_new_account_state_gas: false,
    };
    Ok(Reply::Later(FrameInput::Call(Box::new(inputs)), Pending::Call { base, given }))
}

/// Gas before any is given to the callee; `None` if it is more than there is.
fn base_cost<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    call: &CallRequest,
) -> Result<Option<u64>, FrameError<'a, DB>> {
    if WARM > call.gas_left {
        return Ok(None);
    }
    let target = ctx.journaled_state.load_account(call.to)?;
    let mut total = if target.is_cold { COLD_ACCOUNT } else { WARM };
    if total <= call.gas_left && !call.value.is_zero() {
        if target.data.is_empty() {
            total += NEW_ACCOUNT;
        }
        total += VALUE;
    }
    Ok((total <= call.gas_left).then_some(total))
}

/// Code that a call to an account runs: its own, or its EIP-7702 delegate's.
fn code_to_run<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    address: Address,
) -> Result<(B256, Bytecode), FrameError<'a, DB>> {
    let info = &ctx.journaled_state.load_account_with_code(address)?.info;
    let own = (info.code_hash, info.code.clone().unwrap_or_default());
    let Some(delegate) = own.1.eip7702_address() else { return Ok(own) };
    // Nobody pays for the delegate, so it must not become warm.
    world::code_of(ctx, delegate).map_err(|error| FrameError::<'a, DB>::Custom(error.to_string()))
}

/// Prices a creation and describes the frame it opens.
pub(super) fn create(frame: &Frame, create: &CreateRequest) -> Reply {
    let words = (create.code.len() as u64).div_ceil(32);
    let (scheme, base) = match create.salt {
        Some(salt) => (CreateScheme::Create2 { salt: salt.into() }, CREATE + HASH_WORD * words),
        None => (CreateScheme::Create, CREATE),
    };
    if create.gas_left < base || frame.interpreter.runtime_flag.is_static() {
        return Reply::Now(Response::Denied);
    }
    let rest = create.gas_left - base;
    let kept = rest / 64;
    let inputs = CreateInputs::new(
        acting(frame),
        scheme,
        create.endowment,
        create.code.clone(),
        rest - kept,
        0,
    );
    let pending = Pending::Create { charged: create.gas_left - kept };
    Reply::Later(FrameInput::Create(Box::new(inputs)), pending)
}

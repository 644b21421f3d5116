//! One frame of the WASM engine: starting it, answering what it asks, ending it.

use std::sync::Arc;

use revm::{
    Database,
    context::{Block, ContextTr, JournalTr, LocalContextTr, Transaction},
    context_interface::context::{ContextError, take_error},
    handler::{EthFrame, FrameResult},
    interpreter::{
        FrameInput, Gas, InstructionResult, InterpreterAction, InterpreterResult,
        interpreter::EthInterpreter,
    },
    primitives::{Address, B256, Bytes, U256},
};

use super::{
    VmContext, VmInspector,
    evm::FrameError,
    requests::{self, Pending, Reply},
    standins::StandIns,
    transact::Shared,
};
use crate::{
    arbos::{
        activation::{self, LoadError},
        params::StylusParams,
        programs::Program as Record,
    },
    stylus::{
        engine::Compiled,
        host::CallContext,
        module::Rules,
        program::{End, Entry, Exit, Program, Step},
        request::{CallRequest, Request, Response},
        trace::HostIos,
    },
};

type Frame = EthFrame<EthInterpreter>;

/// A frame's program and what it waits for.
#[derive(Debug, Default)]
pub(super) struct Running {
    program: Option<Program>,
    ink_price: u64,
    pages_before: u16,
    pub pending: Option<Pending>,
    response: Option<Response>,
    stand_ins: Option<StandIns>,
}

/// Why a program did not start.
enum NoStart {
    /// The frame ends at once with this result and no gas left.
    Ends(InstructionResult),
    /// A failure with a text.
    Hard(String),
    /// The node itself failed.
    Broken(String),
}

impl From<crate::arbos::world::StateError> for NoStart {
    fn from(error: crate::arbos::world::StateError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Runs the frame's program until it ends or calls somebody.
pub(super) fn run<'a, DB: Database, I: VmInspector<'a, DB>>(
    running: &mut Running,
    shared: &Arc<Shared>,
    ctx: &mut VmContext<'a, DB>,
    inspector: &mut I,
    frame: &mut Frame,
) -> Result<InterpreterAction, FrameError<'a, DB>> {
    let mut program = match running.program.take() {
        Some(program) => program,
        None => {
            running.stand_ins = inspector.wants_stand_ins().then(|| StandIns::new(frame));
            let trace = running.stand_ins.is_some() || inspector.wants_host_io();
            match start(running, shared, ctx, trace, frame) {
                Ok(program) => program,
                Err(no_start) => return end_at_once(no_start, ctx, frame),
            }
        }
    };
    let mut response = running.response.take();
    loop {
        let step = program.resume(response.take());
        tell(running, program.take_events(), ctx, inspector, frame)?;
        match step {
            Step::Ask(request) => {
                let call = called(running, &request);
                let logs = ctx.journaled_state.logs().len();
                let reply = requests::handle(ctx, frame, request)?;
                let new: Vec<_> = ctx.journaled_state.logs()[logs..].to_vec();
                for log in new {
                    inspector.log(ctx, log);
                }
                match reply {
                    Reply::Now(answer) => response = Some(answer),
                    Reply::Later(input, pending) => {
                        show_call(running, call, pending, ctx, inspector, frame)?;
                        running.pending = Some(pending);
                        running.program = Some(program);
                        return Ok(InterpreterAction::NewFrame(input));
                    }
                }
            }
            Step::Done(end) => {
                if let Some(stand_ins) = &mut running.stand_ins {
                    stand_ins.end(ctx, inspector, &frame.interpreter.gas, &end);
                    take_error::<FrameError<'a, DB>, _>(ctx.error())?;
                }
                ctx.chain.pages.open = running.pages_before;
                return finish(end, running.ink_price, ctx, frame).map(InterpreterAction::Return);
            }
        }
    }
}

/// Tells an inspector what a program has done since it was last resumed.
fn tell<'a, DB: Database, I: VmInspector<'a, DB>>(
    running: &mut Running,
    done: HostIos,
    ctx: &mut VmContext<'a, DB>,
    inspector: &mut I,
    frame: &Frame,
) -> Result<(), FrameError<'a, DB>> {
    let lost = !done.is_whole();
    for event in done.into_events() {
        if let Some(stand_ins) = &mut running.stand_ins {
            stand_ins.host_io(ctx, inspector, &frame.interpreter.gas, &event);
        }
        inspector.host_io(event);
    }
    take_error::<FrameError<'a, DB>, _>(ctx.error())?;
    let lost = lost.then(|| "the program makes more host calls than can be traced".to_owned());
    lost.or_else(|| inspector.stop()).map_or(Ok(()), |reason| Err(ContextError::Custom(reason)))
}

/// Shows an inspector a call whose frame is about to open.
fn show_call<'a, DB: Database, I: VmInspector<'a, DB>>(
    running: &mut Running,
    call: Option<CallRequest>,
    pending: Pending,
    ctx: &mut VmContext<'a, DB>,
    inspector: &mut I,
    frame: &Frame,
) -> Result<(), FrameError<'a, DB>> {
    if let (Some(call), Some(stand_ins), Pending::Call { base, given }) =
        (call, &mut running.stand_ins, pending)
    {
        stand_ins.call(ctx, inspector, &frame.interpreter.gas, &call, (base, given));
    }
    take_error::<FrameError<'a, DB>, _>(ctx.error())
}

/// The call that a program asks for, if it is to be shown.
fn called(running: &Running, request: &Request) -> Option<CallRequest> {
    match request {
        Request::Call(call) if running.stand_ins.is_some() => Some(call.clone()),
        _ => None,
    }
}

/// Hands the outcome of a call or creation to the program that waits for it.
pub(super) fn answer(running: &mut Running, frame: &mut Frame, result: FrameResult) {
    let gas = result.gas();
    if result.instruction_result().is_ok() {
        frame.interpreter.gas.record_refund(gas.refunded());
    }
    running.response = running.pending.take().map(|pending| pending.settle(&result));
}

fn end_at_once<'a, DB: Database>(
    no_start: NoStart,
    ctx: &mut VmContext<'a, DB>,
    frame: &Frame,
) -> Result<InterpreterAction, FrameError<'a, DB>> {
    let result = match no_start {
        NoStart::Ends(result) => result,
        NoStart::Hard(text) => hard(ctx, frame, text),
        NoStart::Broken(text) => return Err(ContextError::Custom(text)),
    };
    Ok(InterpreterAction::Return(ended(frame, result, Bytes::new(), 0)))
}

/// A failure that takes all gas; its text is told at the top of a call.
fn hard<DB: Database>(
    ctx: &mut VmContext<'_, DB>,
    frame: &Frame,
    text: String,
) -> InstructionResult {
    if frame.depth == 0 {
        ctx.local_mut().set_precompile_error_context(text);
    }
    InstructionResult::PrecompileError
}

fn ended(frame: &Frame, result: InstructionResult, output: Bytes, left: u64) -> InterpreterResult {
    let mut gas: Gas = frame.interpreter.gas;
    gas.set_remaining(left);
    InterpreterResult { result, output, gas }
}

fn start<DB: Database>(
    running: &mut Running,
    shared: &Shared,
    ctx: &mut VmContext<'_, DB>,
    trace: bool,
    frame: &Frame,
) -> Result<Program, NoStart> {
    let rules = ctx.chain.rules.unwrap_or(Rules { arbos: shared.config.arbos, debug: false });
    let code = frame.interpreter.bytecode.original_bytes();
    let codehash = match &frame.input {
        FrameInput::Call(inputs) => inputs.known_bytecode.0,
        _ => revm::primitives::keccak256(&code),
    };
    let params = StylusParams::load(ctx)?;
    let record = active_record(shared, ctx, &code, codehash, &params, rules)?;

    let pages = &mut ctx.chain.pages;
    running.pages_before = pages.open;
    let page_gas = pages.cost(params.page_price(), record.footprint);
    let recent = ctx.chain.recently_ran(codehash, params.block_cache_size);
    let start_gas = record.start_gas(&params, record.cached || recent);
    let gas = frame
        .interpreter
        .gas
        .remaining()
        .checked_sub(page_gas.saturating_add(start_gas))
        .ok_or(NoStart::Ends(InstructionResult::OutOfGas))?;
    ctx.chain.pages.add(record.footprint);
    running.ink_price = u64::from(params.ink_price).max(1);

    let compiled = compiled(shared, ctx, &code, codehash, rules)?;
    let entry = Entry {
        call: call_context(ctx, frame, &params, rules),
        ink: gas.saturating_mul(running.ink_price),
        stack: params.max_stack_depth,
        trace,
    };
    Ok(Program::new(&compiled, entry))
}

/// The record of an active program; activates it silently if the chain is set up so.
fn active_record<DB: Database>(
    shared: &Shared,
    ctx: &mut VmContext<'_, DB>,
    code: &Bytes,
    codehash: B256,
    params: &StylusParams,
    rules: Rules,
) -> Result<Record, NoStart> {
    let record = Record::load(ctx, codehash)?;
    let now = ctx.chain.facts.timestamp;
    let Err(error) = record.check_active(params, now) else { return Ok(record) };
    if !shared.config.auto_activate {
        return Err(NoStart::Hard(format!("error {error}")));
    }
    let prepared = activation::prepare(ctx, code, params, rules).map_err(|error| match error {
        LoadError::State(error) => NoStart::from(error),
        other => NoStart::Hard(format!("program activation failed: {other}")),
    })?;
    Ok(activation::record(ctx, codehash, &prepared.numbers, params, record.cached)?)
}

fn compiled<DB: Database>(
    shared: &Shared,
    ctx: &mut VmContext<'_, DB>,
    code: &Bytes,
    codehash: B256,
    rules: Rules,
) -> Result<Arc<Compiled>, NoStart> {
    if let Some(compiled) = shared.engine.cached(codehash, rules) {
        return Ok(compiled);
    }
    let prepared = activation::reload(ctx, code, rules)
        .map_err(|error| NoStart::Broken(format!("program {codehash} cannot be read: {error}")))?;
    shared
        .engine
        .compile(codehash, rules, &prepared)
        .map_err(|error| NoStart::Broken(format!("program {codehash}: {error}")))
}

fn call_context<DB: Database>(
    ctx: &VmContext<'_, DB>,
    frame: &Frame,
    params: &StylusParams,
    rules: Rules,
) -> CallContext {
    let input = &frame.interpreter.input;
    let args = match &frame.input {
        FrameInput::Call(inputs) => inputs.input.bytes(ctx),
        _ => Bytes::new(),
    };
    CallContext {
        args,
        address: input.target_address,
        caller: input.caller_address,
        value: input.call_value,
        reentrant: ctx.chain.reentrant(input.target_address),
        origin: ctx.tx.caller(),
        gas_price: ctx.chain.gas_price,
        basefee: U256::from(ctx.block.basefee()),
        coinbase: ctx.block.beneficiary(),
        number: ctx.block.number().saturating_to(),
        timestamp: ctx.chain.facts.timestamp,
        gas_limit: ctx.block.gas_limit(),
        chain_id: ctx.chain.facts.chain_id,
        ink_price: params.ink_price,
        arbos: rules.arbos,
    }
}

/// Turns the end of a program into the end of its frame.
fn finish<'a, DB: Database>(
    end: End,
    ink_price: u64,
    ctx: &mut VmContext<'a, DB>,
    frame: &Frame,
) -> Result<InterpreterResult, FrameError<'a, DB>> {
    let left = end.ink / ink_price;
    let output = Bytes::from(end.result);
    let (result, output, left) = match end.exit {
        Exit::Status(0) => (InstructionResult::Return, output, left),
        Exit::Status(_) => (InstructionResult::Revert, output, left),
        Exit::Failure => (InstructionResult::Revert, Bytes::new(), left),
        Exit::OutOfInk => (InstructionResult::OutOfGas, Bytes::new(), 0),
        Exit::OutOfStack => {
            let result = hard(ctx, frame, "max call depth exceeded".into());
            (result, Bytes::new(), 0)
        }
        Exit::Engine(text) => return Err(ContextError::Custom(text)),
    };
    let initial = frame.interpreter.gas.limit();
    match floor_gas(&output, initial, ctx.chain.arbos()) {
        Some(most) => Ok(ended(frame, result, output, left.min(most))),
        None => Ok(ended(frame, InstructionResult::OutOfGas, Bytes::new(), 0)),
    }
}

/// Most gas that may be left after returning data of this size; `None` if it cannot be
/// paid for at all.
fn floor_gas(output: &[u8], initial: u64, arbos: u64) -> Option<u64> {
    if output.is_empty() || arbos < 31 {
        return Some(u64::MAX);
    }
    let words = (output.len() as u64).div_ceil(32);
    initial.checked_sub(3 * words + words * words / 512)
}

/// The account a frame acts as.
pub(super) fn acting(frame: &Frame) -> Address {
    frame.interpreter.input.target_address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returned_data_costs_at_least_its_memory() {
        assert_eq!(floor_gas(&[], 0, 51), Some(u64::MAX));
        assert_eq!(floor_gas(&[0; 33], 100, 30), Some(u64::MAX));
        assert_eq!(floor_gas(&[0; 33], 100, 51), Some(94));
        assert_eq!(floor_gas(&[0; 33], 5, 51), None);
        assert_eq!(floor_gas(&[0; 32 * 1024], 10_000, 51), Some(10_000 - 3072 - 2048));
    }
}

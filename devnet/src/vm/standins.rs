//! Opcodes that stand in for the host calls of a program, for inspectors that watch steps.
//!
//! A program has no opcodes, so each host call is shown as what an EVM contract would have
//! run in its place: with program counter 0 and the stack and memory that this opcode needs.

mod table;

use revm::{
    Database,
    bytecode::{Bytecode, opcode},
    handler::EthFrame,
    inspector::Inspector,
    interpreter::{
        Gas, InstructionResult, Interpreter, InterpreterAction, SharedMemory,
        interpreter::{EthInterpreter, ExtBytecode},
        interpreter_types::LoopControl,
    },
    primitives::{Bytes, U256},
};

use super::VmContext;
use crate::stylus::{
    host::StorageCache,
    program::{End, Exit},
    request::{CallKind, CallRequest},
    trace::HostIo,
};

type Frame = EthFrame<EthInterpreter>;

/// Ink per gas in what tracers are told, whatever the chain's price.
const INK_PER_GAS: u64 = 10_000;

/// One opcode to show.
#[derive(Debug, Default, PartialEq, Eq)]
struct StandIn {
    op: u8,
    /// Operands, the topmost first.
    stack: Vec<U256>,
    memory: Bytes,
    /// What it leaves on the stack; a POP follows.
    pushes: Option<U256>,
}

/// Shows the stand-ins of one frame.
#[derive(Debug)]
pub(super) struct StandIns {
    interpreter: Interpreter,
    cache: StorageCache,
}

impl StandIns {
    /// For the program that a frame runs.
    pub fn new(frame: &Frame) -> Self {
        let own = &frame.interpreter;
        let interpreter = Interpreter {
            input: own.input.clone(),
            runtime_flag: own.runtime_flag,
            ..Interpreter::default()
        };
        Self { interpreter, cache: StorageCache::default() }
    }

    /// Shows a host call that is over.
    pub fn host_io<'a, DB: Database>(
        &mut self,
        ctx: &mut VmContext<'a, DB>,
        inspector: &mut impl Inspector<VmContext<'a, DB>>,
        gas: &Gas,
        event: &HostIo,
    ) {
        let left = event.end_ink / INK_PER_GAS;
        let mut cost = event.start_ink.saturating_sub(event.end_ink) / INK_PER_GAS;
        for stand_in in table::of(event, &mut self.cache) {
            let (pushes, memory) = (stand_in.pushes, stand_in.memory.clone());
            self.show(ctx, inspector, gas, (left, cost), stand_in);
            cost = 0;
            if let Some(value) = pushes {
                let stack = vec![value];
                let pop = StandIn { op: opcode::POP, stack, memory, pushes: None };
                self.show(ctx, inspector, gas, (left, 0), pop);
            }
        }
    }

    /// Shows a call that is about to open a frame with `given` gas.
    pub fn call<'a, DB: Database>(
        &mut self,
        ctx: &mut VmContext<'a, DB>,
        inspector: &mut impl Inspector<VmContext<'a, DB>>,
        gas: &Gas,
        call: &CallRequest,
        (base, given): (u64, u64),
    ) {
        let most = u128::from(call.gas_left.saturating_sub(base)) * 63 / 64;
        let left = u64::try_from(most).unwrap_or(u64::MAX);
        let mut stack = vec![U256::from(given), U256::from_be_slice(call.to.as_slice())];
        let op = match call.kind {
            CallKind::Call => opcode::CALL,
            CallKind::Delegate => opcode::DELEGATECALL,
            CallKind::Static => opcode::STATICCALL,
        };
        if call.kind == CallKind::Call {
            stack.push(call.value);
        }
        stack.extend([U256::ZERO, U256::from(call.data.len()), U256::ZERO, U256::ZERO]);
        let stand_in = StandIn { op, stack, memory: call.data.clone(), pushes: None };
        self.show(ctx, inspector, gas, (left, base.saturating_add(given)), stand_in);
    }

    /// Shows the end of the program.
    pub fn end<'a, DB: Database>(
        &mut self,
        ctx: &mut VmContext<'a, DB>,
        inspector: &mut impl Inspector<VmContext<'a, DB>>,
        gas: &Gas,
        end: &End,
    ) {
        let text = |text: &'static str| (opcode::REVERT, Bytes::from_static(text.as_bytes()));
        let (op, memory) = match end.exit {
            Exit::Status(0) if end.result.is_empty() => (opcode::STOP, Bytes::new()),
            Exit::Status(0) => (opcode::RETURN, end.result.clone().into()),
            Exit::Status(_) => (opcode::REVERT, end.result.clone().into()),
            Exit::Failure => text("execution reverted"),
            Exit::OutOfInk => text("out of gas"),
            Exit::OutOfStack => text("max call depth exceeded"),
            Exit::Engine(_) => return,
        };
        let stack = match op {
            opcode::STOP => Vec::new(),
            _ => vec![U256::ZERO, U256::from(memory.len())],
        };
        let stand_in = StandIn { op, stack, memory, pushes: None };
        self.show(ctx, inspector, gas, (end.ink / INK_PER_GAS, 0), stand_in);
    }

    /// Hands the inspector an interpreter that is about to run the opcode, then one that has.
    fn show<'a, DB: Database>(
        &mut self,
        ctx: &mut VmContext<'a, DB>,
        inspector: &mut impl Inspector<VmContext<'a, DB>>,
        gas: &Gas,
        (left, cost): (u64, u64),
        stand_in: StandIn,
    ) {
        let scratch = &mut self.interpreter;
        scratch.bytecode = ExtBytecode::new(Bytecode::new_legacy(vec![stand_in.op].into()));
        scratch.gas = *gas;
        scratch.gas.set_remaining(left);
        scratch.memory = SharedMemory::new();
        scratch.memory.resize(stand_in.memory.len());
        scratch.memory.set(0, &stand_in.memory);
        *scratch.stack.data_mut() = stand_in.stack.iter().rev().copied().collect();
        inspector.step(scratch, ctx);
        scratch.gas.set_remaining(left.saturating_sub(cost));
        scratch.stack.data_mut().clear();
        scratch.stack.data_mut().extend(stand_in.pushes);
        let end = match stand_in.op {
            opcode::STOP => Some(InstructionResult::Stop),
            opcode::RETURN => Some(InstructionResult::Return),
            opcode::REVERT => Some(InstructionResult::Revert),
            _ => None,
        };
        if let Some(result) = end
            && scratch.bytecode.is_not_end()
        {
            let output = stand_in.memory;
            let gas = scratch.gas;
            scratch.bytecode.set_action(InterpreterAction::new_return(result, output, gas));
        }
        inspector.step_end(scratch, ctx);
    }
}

//! The frame loop: revm's, except that frames whose code is a program run in the WASM
//! engine, suspend when they call somebody, and resume with the outcome.

use std::sync::Arc;

use revm::{
    Database,
    context::{ContextTr, Evm, FrameStack},
    context_interface::context::take_error,
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
        instructions::EthInstructions,
    },
    inspector::{Inspector, InspectorEvmTr, inspect_instructions},
    interpreter::{
        CallScheme, FrameInput, InstructionResult, InterpreterAction, interpreter::EthInterpreter,
        interpreter_action::FrameInit,
    },
    primitives::Address,
};

use super::{
    VmContext, VmInspector,
    frame::{self, Running},
    precompiles::ArbPrecompiles,
    transact::Shared,
};
use crate::stylus::code::Kind;

type Instructions<'a, DB> = EthInstructions<EthInterpreter, VmContext<'a, DB>>;
type Frame = EthFrame<EthInterpreter>;
type Inner<'a, DB, I> = Evm<VmContext<'a, DB>, I, Instructions<'a, DB>, ArbPrecompiles, Frame>;

/// The error type of frames.
pub(super) type FrameError<'a, DB> = ContextDbError<VmContext<'a, DB>>;

/// revm's EVM with a second engine beside it.
pub(super) struct ArbEvm<'a, DB: Database, I> {
    pub inner: Inner<'a, DB, I>,
    pub shared: Arc<Shared>,
    marks: Vec<Mark>,
}

/// What is remembered about a frame on the stack.
struct Mark {
    /// Acting account, if the frame counts for reentrancy.
    counted: Option<Address>,
    /// The program it runs, if it is not EVM bytecode.
    program: Option<Running>,
}

impl<'a, DB: Database, I: VmInspector<'a, DB>> ArbEvm<'a, DB, I> {
    pub fn new(inner: Inner<'a, DB, I>, shared: Arc<Shared>) -> Self {
        Self { inner, shared, marks: Vec::new() }
    }

    fn mark(frame: &Frame, arbos: u64) -> Mark {
        let counted = match &frame.input {
            FrameInput::Call(inputs) if delegated(inputs.scheme) => None,
            _ => Some(frame.interpreter.input.target_address),
        };
        let code = frame.interpreter.bytecode.original_byte_slice();
        let is_program = Kind::of(code, arbos).is_some_and(Kind::is_program);
        Mark { counted, program: is_program.then(Running::default) }
    }

    /// Runs the program on top of the stack until it ends or calls somebody.
    fn run_program(&mut self) -> Result<FrameInitOrResult<Frame>, FrameError<'a, DB>> {
        let Some(Mark { program: Some(running), .. }) = self.marks.last_mut() else {
            return Err(ContextDbError::<VmContext<'a, DB>>::Custom("no program to run".into()));
        };
        let frame = self.inner.frame_stack.get();
        let ctx = &mut self.inner.ctx;
        let inspector = &mut self.inner.inspector;
        let mut action = frame::run(running, &self.shared, ctx, inspector, frame)?;
        guard_creation(frame, &mut action, ctx.chain.arbos());
        let result = frame.process_next_action::<_, FrameError<'a, DB>>(ctx, action)?;
        if let ItemOrResult::Result(_) = &result {
            frame.set_finished(true);
        }
        Ok(result)
    }

    fn top_is_program(&self) -> bool {
        self.marks.last().is_some_and(|mark| mark.program.is_some())
    }
}

/// Whether a frame acts for its caller.
const fn delegated(scheme: CallScheme) -> bool {
    matches!(scheme, CallScheme::DelegateCall | CallScheme::CallCode)
}

/// EIP-3541, except for Stylus code.
fn guard_creation(frame: &Frame, action: &mut InterpreterAction, arbos: u64) {
    if let (FrameInput::Create(_), InterpreterAction::Return(result)) = (&frame.input, action)
        && result.result.is_ok()
        && result.output.first() == Some(&0xEF)
        && Kind::of(&result.output, arbos).is_none()
    {
        result.result = InstructionResult::CreateContractStartingWithEF;
    }
}

impl<'a, DB: Database, I: VmInspector<'a, DB>> EvmTr for ArbEvm<'a, DB, I> {
    type Context = VmContext<'a, DB>;
    type Instructions = Instructions<'a, DB>;
    type Precompiles = ArbPrecompiles;
    type Frame = Frame;

    fn all(&self) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &FrameStack<Frame>) {
        self.inner.all()
    }

    fn all_mut(
        &mut self,
    ) -> (&mut Self::Context, &mut Self::Instructions, &mut Self::Precompiles, &mut FrameStack<Frame>)
    {
        self.inner.all_mut()
    }

    fn frame_init(
        &mut self,
        init: FrameInit,
    ) -> Result<FrameInitResult<'_, Frame>, FrameError<'a, DB>> {
        if let ItemOrResult::Result(result) = self.inner.frame_init(init)? {
            return Ok(ItemOrResult::Result(result));
        }
        let frame = self.inner.frame_stack.get();
        let mark = Self::mark(frame, self.inner.ctx.chain.arbos());
        self.inner.ctx.chain.callers.push(frame.interpreter.input.caller_address);
        if let Some(address) = mark.counted {
            self.inner.ctx.chain.enter(address);
        }
        self.marks.push(mark);
        Ok(ItemOrResult::Item(frame))
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Frame>, FrameError<'a, DB>> {
        if self.top_is_program() {
            return self.run_program();
        }
        let frame = self.inner.frame_stack.get();
        let ctx = &mut self.inner.ctx;
        let instructions = &mut self.inner.instruction;
        let mut action = frame.interpreter.run_plain(
            instructions.instruction_table(),
            instructions.gas_table(),
            ctx,
        );
        guard_creation(frame, &mut action, ctx.chain.arbos());
        let result = frame.process_next_action::<_, FrameError<'a, DB>>(ctx, action)?;
        if let ItemOrResult::Result(_) = &result {
            frame.set_finished(true);
        }
        Ok(result)
    }

    fn frame_return_result(
        &mut self,
        result: FrameResult,
    ) -> Result<Option<FrameResult>, FrameError<'a, DB>> {
        if self.inner.frame_stack.get().is_finished() {
            self.inner.frame_stack.pop();
            self.inner.ctx.chain.callers.pop();
            if let Some(address) = self.marks.pop().and_then(|mark| mark.counted) {
                self.inner.ctx.chain.leave(address);
            }
        }
        if self.inner.frame_stack.index().is_none() {
            return Ok(Some(result));
        }
        let frame = self.inner.frame_stack.get();
        match self.marks.last_mut() {
            Some(Mark { program: Some(running), .. }) => {
                frame.interpreter.memory.free_child_context();
                take_error::<FrameError<'a, DB>, _>(self.inner.ctx.error())?;
                frame::answer(running, frame, result);
            }
            _ => frame.return_result::<_, FrameError<'a, DB>>(&mut self.inner.ctx, result)?,
        }
        Ok(None)
    }
}

impl<'a, DB: Database, I: VmInspector<'a, DB>> InspectorEvmTr for ArbEvm<'a, DB, I> {
    type Inspector = I;

    fn all_inspector(
        &self,
    ) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &FrameStack<Frame>, &I) {
        let inner = &self.inner;
        (&inner.ctx, &inner.instruction, &inner.precompiles, &inner.frame_stack, &inner.inspector)
    }

    fn all_mut_inspector(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Frame>,
        &mut I,
    ) {
        let inner = &mut self.inner;
        (
            &mut inner.ctx,
            &mut inner.instruction,
            &mut inner.precompiles,
            &mut inner.frame_stack,
            &mut inner.inspector,
        )
    }

    fn inspect_frame_run(&mut self) -> Result<FrameInitOrResult<Frame>, FrameError<'a, DB>> {
        let mut result = if self.top_is_program() {
            self.run_program()?
        } else {
            let (ctx, inspector, frame, instructions) = self.ctx_inspector_frame_instructions();
            let mut action = inspect_instructions(
                ctx,
                &mut frame.interpreter,
                inspector,
                instructions.instruction_table(),
                instructions.gas_table(),
            );
            guard_creation(frame, &mut action, ctx.chain.arbos());
            frame.process_next_action::<_, FrameError<'a, DB>>(ctx, action)?
        };
        if let ItemOrResult::Result(outcome) = &mut result {
            let (ctx, inspector, frame) = self.ctx_inspector_frame();
            tell_end(ctx, inspector, &frame.input, outcome);
            frame.set_finished(true);
        }
        Ok(result)
    }
}

/// Tells an inspector that a frame has ended.
fn tell_end<'a, DB: Database, I: VmInspector<'a, DB>>(
    ctx: &mut VmContext<'a, DB>,
    inspector: &mut I,
    input: &FrameInput,
    result: &mut FrameResult,
) {
    match (&mut *result, input) {
        (FrameResult::Call(outcome), FrameInput::Call(inputs)) => {
            inspector.call_end(ctx, inputs, outcome);
        }
        (FrameResult::Create(outcome), FrameInput::Create(inputs)) => {
            inspector.create_end(ctx, inputs, outcome);
        }
        _ => {}
    }
    Inspector::frame_end(inspector, ctx, input, result);
}

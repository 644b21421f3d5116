//! One tracer of whatever kind, and what it tells in the end.

use super::kind::Kind;
use super::{TraceError, TraceOptions};
use crate::state::State;
use crate::vm::{HostIo, HostIoSink, Outcome};
use alloy::primitives::{Address, Log, U256};
use revm::context::{BlockEnv, ContextTr, TxEnv};
use revm::context_interface::context::ContextError;
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter_types::LoopControl;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};
use revm_inspectors::tracing::TransactionContext;
use serde_json::Value;
use std::time::Instant;

/// A transaction that has been traced.
#[derive(Debug)]
pub struct Finished<'a> {
    /// How it ended.
    pub outcome: &'a Outcome,
    /// What it was.
    pub tx: &'a TxEnv,
    /// The block it ran in.
    pub block: &'a BlockEnv,
    /// Its place, if it has been mined.
    pub place: TransactionContext,
    /// The state before it.
    pub state: &'a mut State,
}

/// Watches one transaction. It never changes what happens, except by ending it.
#[derive(Debug)]
pub struct Tracer {
    kind: Kind,
    deadline: Instant,
    stopped: Option<TraceError>,
}

impl Tracer {
    /// Sets a tracer up; its time begins now.
    pub fn new(options: &TraceOptions) -> Result<Self, TraceError> {
        let deadline = Instant::now() + options.timeout;
        let kind = Kind::new(options.tracer.as_deref(), options.config.clone(), options)?;
        Ok(Self { kind, deadline, stopped: None })
    }

    /// Tells why the tracer ended the transaction, if it did.
    pub fn check(&mut self) -> Result<(), TraceError> {
        self.stopped.take().map_or(Ok(()), Err)
    }

    /// The trace of a transaction that is done.
    pub fn finish(self, mut done: Finished<'_>) -> Result<Value, TraceError> {
        self.kind.finish(&mut done)
    }

    /// Why the transaction is to end: it takes too long, or tells too much.
    fn reason(&mut self) -> Option<String> {
        if Instant::now() >= self.deadline {
            self.stopped = Some(TraceError::Timeout);
        } else if self.kind.is_full() {
            self.stopped = Some(TraceError::TooLarge);
        }
        self.stopped.as_ref().map(ToString::to_string)
    }

    /// Ends the frame, and with it the transaction, if there is a reason to.
    fn stops(&mut self, interp: &mut Interpreter, ctx: &mut impl ContextTr) -> bool {
        let Some(reason) = self.reason() else { return false };
        if ctx.error().is_ok() {
            *ctx.error() = Err(ContextError::Custom(reason));
        }
        // A frame that was about to open or return must not.
        interp.bytecode.action().take();
        interp.bytecode.reset_action();
        interp.halt_fatal();
        true
    }
}

impl HostIoSink for Tracer {
    fn wants_host_io(&self) -> bool {
        self.kind.wants_host_io()
    }

    fn host_io(&mut self, event: HostIo) {
        self.kind.host_io(event);
    }

    fn wants_stand_ins(&self) -> bool {
        self.kind.wants_stand_ins()
    }

    fn stop(&mut self) -> Option<String> {
        self.reason()
    }
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for Tracer {
    fn initialize_interp(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        self.kind.initialize_interp(interp, ctx);
    }

    fn step(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        if !self.stops(interp, ctx) {
            self.kind.step(interp, ctx);
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        if self.stopped.is_none() {
            self.kind.step_end(interp, ctx);
        }
    }

    fn log(&mut self, ctx: &mut CTX, log: Log) {
        self.kind.log(ctx, log);
    }

    fn call(&mut self, ctx: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.kind.call(ctx, inputs)
    }

    fn call_end(&mut self, ctx: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.kind.call_end(ctx, inputs, outcome);
    }

    fn create(&mut self, ctx: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.kind.create(ctx, inputs)
    }

    fn create_end(&mut self, ctx: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.kind.create_end(ctx, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        Inspector::<CTX>::selfdestruct(&mut self.kind, contract, target, value);
    }
}

//! One tracer of whatever kind, and what it tells in the end.

use super::erc7562::Erc7562Tracer;
use super::js::{self, JsTracer};
use super::steps::{self, StepLogger};
use super::stylus::StylusTracer;
use super::{TraceError, TraceOptions, reasons};
use crate::state::State;
use crate::vm::{HostIo, HostIoSink, Outcome};
use alloy::primitives::{Address, Log, U256};
use alloy::rpc::types::trace::geth::{
    GethDebugBuiltInTracerType, GethDebugTracingOptions, GethTrace,
};
use revm::context::{BlockEnv, ContextTr, TxEnv};
use revm::context_interface::context::ContextError;
use revm::context_interface::result::ResultAndState;
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter_types::LoopControl;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use serde_json::{Map, Value};
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

#[derive(Debug)]
enum Kind {
    Steps(StepLogger),
    Geth(Box<DebugInspector>),
    Js(Box<JsTracer>),
    Erc7562(Box<Erc7562Tracer>),
    Stylus(StylusTracer),
    Mux(Vec<(String, Kind)>),
}

macro_rules! each {
    ($kind:expr, $tracer:ident => $call:expr) => {
        match $kind {
            Kind::Steps($tracer) => {
                $call;
            }
            Kind::Geth($tracer) => {
                $call;
            }
            Kind::Js($tracer) => {
                $call;
            }
            Kind::Erc7562($tracer) => {
                $call;
            }
            Kind::Stylus($tracer) => {
                $call;
            }
            Kind::Mux(tracers) => {
                for (_, $tracer) in tracers {
                    $call;
                }
            }
        }
    };
}

impl Kind {
    fn new(name: Option<&str>, config: Value, options: &TraceOptions) -> Result<Self, TraceError> {
        let Some(name) = name else { return Ok(Self::Steps(StepLogger::new(options.steps))) };
        match name {
            "erc7562Tracer" => return Ok(Self::Erc7562(Box::new(Erc7562Tracer::new(config)?))),
            "stylusTracer" => return Ok(Self::Stylus(StylusTracer::new(false))),
            "muxTracer" => return Self::mux(config, options),
            _ => {}
        }
        let known: Result<GethDebugBuiltInTracerType, _> =
            serde_json::from_value(Value::String(name.to_owned()));
        if let Ok(tracer) = known {
            let options = GethDebugTracingOptions {
                tracer: Some(tracer.into()),
                tracer_config: config.into(),
                ..GethDebugTracingOptions::default()
            };
            let inspector = DebugInspector::new(options)
                .map_err(|error| TraceError::Options(error.to_string()))?;
            return Ok(Self::Geth(Box::new(inspector)));
        }
        if js::defines_hostio(name) {
            return Ok(Self::Stylus(StylusTracer::new(true)));
        }
        Ok(Self::Js(Box::new(JsTracer::new(name, config)?)))
    }

    fn mux(config: Value, options: &TraceOptions) -> Result<Self, TraceError> {
        let configs: Option<Map<String, Value>> = serde_json::from_value(config)
            .map_err(|error| TraceError::Options(format!("tracerConfig: {error}")))?;
        let tracers = configs.unwrap_or_default().into_iter().map(|(name, config)| {
            Self::new(Some(&name), config, options).map(|tracer| (name, tracer))
        });
        tracers.collect::<Result<_, _>>().map(Self::Mux)
    }

    fn finish(self, done: &mut Finished<'_>) -> Result<Value, TraceError> {
        match self {
            Self::Steps(tracer) => json(tracer.finish(&done.outcome.result)),
            Self::Erc7562(tracer) => json(tracer.finish(done.tx.gas_limit, done.outcome)),
            Self::Stylus(tracer) => json(tracer.finish()),
            Self::Geth(mut tracer) => {
                let result = done.result();
                let trace = tracer
                    .get_result(Some(done.place), done.tx, done.block, &result, done.state)
                    .map_err(|error| TraceError::Tracer(error.to_string()))?;
                json(tidied(trace, done.outcome))
            }
            Self::Js(mut tracer) => {
                tracer.inspector.set_transaction_context(done.place);
                let (tx, block) = (done.tx, done.block);
                let told = tracer.inspector.json_result(done.result(), tx, block, &*done.state);
                told.map_err(|error| js::failure(&error))
            }
            Self::Mux(tracers) => {
                let told = tracers
                    .into_iter()
                    .map(|(name, tracer)| tracer.finish(done).map(|trace| (name, trace)));
                told.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }

    fn wants_stand_ins(&self) -> bool {
        match self {
            Self::Steps(_) | Self::Js(_) | Self::Erc7562(_) => true,
            Self::Geth(_) | Self::Stylus(_) => false,
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.wants_stand_ins()),
        }
    }

    fn wants_host_io(&self) -> bool {
        match self {
            Self::Stylus(_) => true,
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.wants_host_io()),
            _ => false,
        }
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Steps(tracer) => tracer.is_full(),
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.is_full()),
            _ => false,
        }
    }

    fn host_io(&mut self, event: HostIo) {
        match self {
            Self::Stylus(tracer) => tracer.host_io(event),
            Self::Mux(tracers) => {
                tracers.iter_mut().for_each(|(_, tracer)| tracer.host_io(event.clone()));
            }
            _ => {}
        }
    }
}

fn json(trace: impl serde::Serialize) -> Result<Value, TraceError> {
    serde_json::to_value(trace).map_err(|error| TraceError::Tracer(error.to_string()))
}

/// A tree of calls in geth's words; the outermost frame fails with the text that a call would.
fn tidied(mut trace: GethTrace, outcome: &Outcome) -> GethTrace {
    if let GethTrace::CallTracer(frame) = &mut trace {
        reasons::tidy(frame);
        if let (Some(error), Some(text)) = (&mut frame.error, outcome.error_text()) {
            *error = text;
        }
    }
    trace
}

impl Finished<'_> {
    fn result(&self) -> ResultAndState {
        ResultAndState::new(self.outcome.result.clone(), self.outcome.state.clone())
    }
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

    /// Ends the transaction if it takes too long or tells too much.
    fn stops(&mut self, interp: &mut Interpreter, ctx: &mut impl ContextTr) -> bool {
        if Instant::now() >= self.deadline {
            self.stopped = Some(TraceError::Timeout);
        } else if self.kind.is_full() {
            self.stopped = Some(TraceError::TooLarge(steps::MOST));
        }
        let Some(reason) = &self.stopped else { return false };
        if ctx.error().is_ok() {
            *ctx.error() = Err(ContextError::Custom(reason.to_string()));
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
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for Kind {
    fn initialize_interp(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        each!(self, tracer => tracer.initialize_interp(interp, ctx));
    }

    fn step(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        each!(self, tracer => tracer.step(interp, ctx));
    }

    fn step_end(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        each!(self, tracer => tracer.step_end(interp, ctx));
    }

    fn log(&mut self, ctx: &mut CTX, log: Log) {
        each!(self, tracer => tracer.log(ctx, log.clone()));
    }

    fn call(&mut self, ctx: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        each!(self, tracer => tracer.call(ctx, inputs));
        None
    }

    fn call_end(&mut self, ctx: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        each!(self, tracer => tracer.call_end(ctx, inputs, outcome));
    }

    fn create(&mut self, ctx: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        each!(self, tracer => tracer.create(ctx, inputs));
        None
    }

    fn create_end(&mut self, ctx: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        each!(self, tracer => tracer.create_end(ctx, inputs, outcome));
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        each!(self, tracer => Inspector::<CTX>::selfdestruct(&mut *tracer, contract, target, value));
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

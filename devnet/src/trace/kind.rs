//! The kinds of tracers, each with its own answer.

use super::erc7562::Erc7562Tracer;
use super::js::{self, JsTracer};
use super::steps::StepLogger;
use super::stylus::StylusTracer;
use super::tracer::Finished;
use super::{MOST_MIB, TraceError, TraceOptions, reasons};
use crate::vm::{HostIo, HostIoSink, Outcome};
use alloy::primitives::{Address, Log, U256};
use alloy::rpc::types::trace::geth::{
    GethDebugBuiltInTracerType, GethDebugTracingOptions, GethTrace,
};
use revm::context::ContextTr;
use revm::context_interface::result::ResultAndState;
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};
use revm_inspectors::tracing::{DebugInspector, TraceLimits};
use serde_json::{Map, Value};

/// One tracer, or several at once.
#[derive(Debug)]
pub(super) enum Kind {
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
    pub fn new(
        name: Option<&str>,
        config: Value,
        options: &TraceOptions,
    ) -> Result<Self, TraceError> {
        let Some(name) = name else { return Ok(Self::Steps(StepLogger::new(options.steps))) };
        match name {
            "erc7562Tracer" => return Ok(Self::Erc7562(Box::new(Erc7562Tracer::new(config)?))),
            "stylusTracer" => return Ok(Self::Stylus(StylusTracer::default())),
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
            return Ok(Self::Geth(Box::new(bounded(inspector))));
        }
        if js::defines_hostio(name) {
            return Ok(Self::Stylus(StylusTracer::default()));
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

    pub fn finish(self, done: &mut Finished<'_>) -> Result<Value, TraceError> {
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

    pub fn wants_stand_ins(&self) -> bool {
        match self {
            Self::Steps(_) | Self::Js(_) | Self::Erc7562(_) => true,
            Self::Geth(_) | Self::Stylus(_) => false,
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.wants_stand_ins()),
        }
    }

    pub fn wants_host_io(&self) -> bool {
        match self {
            Self::Stylus(_) => true,
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.wants_host_io()),
            _ => false,
        }
    }

    pub fn is_full(&self) -> bool {
        match self {
            Self::Steps(tracer) => tracer.is_full(),
            Self::Erc7562(tracer) => tracer.is_full(),
            Self::Stylus(tracer) => tracer.is_full(),
            Self::Geth(tracer) => match &**tracer {
                DebugInspector::CallTracer(tracer, _) | DebugInspector::FlatCallTracer(tracer) => {
                    tracer.limit_exceeded()
                }
                _ => false,
            },
            Self::Mux(tracers) => tracers.iter().any(|(_, tracer)| tracer.is_full()),
            Self::Js(_) => false,
        }
    }

    pub fn host_io(&mut self, event: HostIo) {
        match self {
            Self::Stylus(tracer) => tracer.host_io(event),
            Self::Mux(tracers) => {
                tracers.iter_mut().for_each(|(_, tracer)| tracer.host_io(event.clone()));
            }
            _ => {}
        }
    }
}

/// Calls are kept with their inputs, of which there may be any number.
fn bounded(inspector: DebugInspector) -> DebugInspector {
    let limits = TraceLimits::default().set_max_recorded_bytes(Some(MOST_MIB << 20));
    match inspector {
        DebugInspector::CallTracer(tracer, config) => {
            DebugInspector::CallTracer(tracer.with_limits(limits), config)
        }
        DebugInspector::FlatCallTracer(tracer) => {
            DebugInspector::FlatCallTracer(tracer.with_limits(limits))
        }
        other => other,
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

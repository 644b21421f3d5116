//! Tracers written in JavaScript, as geth runs them.

use super::{TraceError, reasons};
use revm::bytecode::{Bytecode, opcode as op};
use revm::context::ContextTr;
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter_types::{Jumps, LoopControl};
use revm::interpreter::{
    CallInput, CallInputs, CallOutcome, CallScheme, CallValue, CreateInputs, CreateOutcome, Gas,
    InstructionResult, Interpreter, InterpreterResult,
};
use revm::primitives::{Address, Bytes, KECCAK_EMPTY, U256};
use revm_inspectors::tracing::js::{JsInspector, JsInspectorError};
use serde_json::Value;

/// Makes the callbacks of a script behave as geth's engine has them.
const ADAPTER: &str = include_str!("adapter.js");

/// Runs a script.
#[derive(Debug)]
pub(super) struct JsTracer {
    pub inspector: JsInspector,
    /// Whether it looks at each step. Otherwise it is shown only what the adapter needs.
    steps: bool,
    /// An account that has just been destroyed, its heir, and what that inherits.
    destroyed: Option<(Address, Address, U256)>,
}

impl JsTracer {
    /// Evaluates the script, which must give an object with `result` and `fault`.
    pub fn new(script: &str, config: Value) -> Result<Self, TraceError> {
        let adapted = format!("{ADAPTER}(\n{script}\n)");
        let inspector = JsInspector::new(adapted, config).map_err(|error| failure(&error))?;
        Ok(Self { inspector, steps: script.contains("step"), destroyed: None })
    }

    /// Shows a destruction as a frame of its own, while its frame is still open.
    fn show_destroyed<CTX: ContextTr<Journal: JournalExt>>(&mut self, ctx: &mut CTX) {
        let Some((caller, heir, wei)) = self.destroyed.take() else { return };
        let mut inputs = CallInputs {
            input: CallInput::Bytes(Bytes::new()),
            return_memory_offset: 0..0,
            gas_limit: 0,
            reservoir: 0,
            bytecode_address: heir,
            known_bytecode: (KECCAK_EMPTY, Bytecode::default()),
            target_address: heir,
            caller,
            value: CallValue::Transfer(wei),
            scheme: CallScheme::Call,
            is_static: false,
            charged_new_account_state_gas: false,
        };
        let result = InterpreterResult::new(InstructionResult::Stop, Bytes::new(), Gas::new(0));
        self.inspector.call(ctx, &mut inputs);
        self.inspector.call_end(ctx, &inputs, &mut CallOutcome::new(result, 0..0));
    }
}

/// What went wrong in a script, in the words of the script's own error.
pub(super) fn failure(error: &JsInspectorError) -> TraceError {
    let text = match error {
        JsInspectorError::EvalCode(error)
        | JsInspectorError::SetupCallFailed(error)
        | JsInspectorError::JsError(error) => error.to_string(),
        other => other.to_string(),
    };
    let first = text.lines().next().unwrap_or_default();
    // Places are counted in the adapted script, which nobody has seen.
    let placed = first.rfind(" (").filter(|at| first[*at..].contains(" at "));
    let bare = placed.map_or(first, |at| &first[..at]);
    TraceError::Tracer(bare.strip_prefix("Error: ").unwrap_or(bare).to_owned())
}

/// Whether a script wants the host calls of programs, which only Arbitrum's nodes tell.
pub(super) fn defines_hostio(script: &str) -> bool {
    script.match_indices("hostio").any(|(at, name)| {
        let before = script[..at].chars().next_back();
        let after = script[at + name.len()..].trim_start_matches(['"', '\'']).trim_start();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'))
            && after.starts_with([':', '('])
    })
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for JsTracer {
    fn step(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        let needed = matches!(interp.bytecode.opcode(), op::SSTORE | op::SELFDESTRUCT | op::REVERT);
        if self.steps || needed {
            self.inspector.step(interp, ctx);
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        let gas = interp.gas;
        if interp.bytecode.instruction_result().is_some_and(reasons::is_out_of_gas) {
            // Scripts recognise an opcode that could not be paid for by a cost above the gas.
            interp.gas = Gas::new(gas.limit().saturating_add(1));
            interp.gas.spend_all();
        }
        self.inspector.step_end(interp, ctx);
        interp.gas = gas;
    }

    fn call(&mut self, ctx: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.inspector.call(ctx, inputs)
    }

    fn call_end(&mut self, ctx: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.show_destroyed(ctx);
        self.inspector.call_end(ctx, inputs, outcome);
    }

    fn create(&mut self, ctx: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.inspector.create(ctx, inputs)
    }

    fn create_end(&mut self, ctx: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.show_destroyed(ctx);
        self.inspector.create_end(ctx, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.destroyed = Some((contract, target, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_want_host_calls_are_recognised() {
        for script in ["{ \"hostio\": function(info) {} }", "{hostio(info){}}", "{ 'hostio' : f }"]
        {
            assert!(defines_hostio(script), "{script}");
        }
        for script in ["{ result: x.hostio(1) }", "{ hostios: 1 }", "{ my_hostio: 1 }", "hostio"] {
            assert!(!defines_hostio(script), "{script}");
        }
    }

    #[test]
    fn scripts_that_are_no_tracers_are_told_why() {
        let error = |script: &str| JsTracer::new(script, Value::Null).unwrap_err().to_string();
        assert_eq!(error("fooTracer"), "ReferenceError: fooTracer is not defined");
        assert_eq!(error("{}"), "trace object must expose a function result()");
        let half = "{ result: function() {}, fault: function() {}, enter: function() {} }";
        assert_eq!(
            error(half),
            "trace object must expose either both or none of enter() and exit()"
        );
        assert!(error("{").starts_with("SyntaxError"));
    }
}

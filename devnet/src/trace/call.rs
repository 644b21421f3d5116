//! `callTracer`: the tree of calls.

use crate::vm::{HostIoSink, Outcome, VmContext};
use alloy::primitives::{Address, Bytes, Log, U256};
use alloy::rpc::types::trace::geth::{CallConfig, CallFrame, CallLogFrame};
use revm::Database;
use revm::context::CreateScheme;
use revm::inspector::Inspector;
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CallValue, CreateInputs, CreateOutcome, InstructionResult,
    Interpreter, InterpreterResult,
};

/// Collects the tree of calls of one transaction.
#[derive(Debug, Default)]
pub struct CallTracer {
    config: CallConfig,
    open: Vec<CallFrame>,
    root: Option<CallFrame>,
    log_count: u64,
}

impl CallTracer {
    /// A tracer with geth's options.
    pub fn new(config: CallConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// The tree, once the transaction is done.
    pub fn finish(self, gas_limit: u64, outcome: &Outcome) -> CallFrame {
        let mut root = self.root.unwrap_or_default();
        root.gas = U256::from(gas_limit);
        root.gas_used = U256::from(outcome.result.tx_gas_used());
        root
    }

    fn enter(&mut self, frame: CallFrame) {
        self.open.push(frame);
    }

    fn leave(&mut self, result: &InterpreterResult, created: Option<Option<Address>>) {
        let Some(mut frame) = self.open.pop() else { return };
        frame.gas_used = U256::from(result.gas.total_gas_spent());
        frame.output = (!result.output.is_empty()).then(|| result.output.clone());
        if let Some(address) = created {
            frame.to = address.or(frame.to);
        }
        if !result.result.is_ok() {
            fail(&mut frame, result);
        }
        match self.open.last_mut() {
            None => self.root = Some(frame),
            Some(_) if self.config.only_top_call == Some(true) => {}
            Some(parent) => parent.calls.push(frame),
        }
    }

    fn record(&mut self, log: Log) {
        if self.config.with_log != Some(true) {
            return;
        }
        let Some(frame) = self.open.last_mut() else { return };
        let index = self.log_count;
        self.log_count += 1;
        frame.logs.push(CallLogFrame {
            address: Some(log.address),
            topics: Some(log.data.topics().to_vec()),
            data: Some(log.data.data),
            position: Some(frame.calls.len() as u64),
            index: Some(index),
        });
    }
}

fn fail(frame: &mut CallFrame, result: &InterpreterResult) {
    frame.logs.clear();
    forget_logs(&mut frame.calls);
    if result.result == InstructionResult::Revert {
        frame.error = Some("execution reverted".to_owned());
        let reason = crate::revert::reason(&result.output);
        frame.revert_reason = reason.strip_prefix(": ").map(str::to_owned);
    } else {
        frame.error = Some(match result.result {
            InstructionResult::OutOfGas => "out of gas".to_owned(),
            InstructionResult::OpcodeNotFound | InstructionResult::InvalidFEOpcode => {
                "invalid opcode".to_owned()
            }
            InstructionResult::InvalidJump => "invalid jump destination".to_owned(),
            InstructionResult::CallTooDeep => "max call depth exceeded".to_owned(),
            InstructionResult::OutOfFunds => "insufficient balance for transfer".to_owned(),
            other => format!("{other:?}"),
        });
        frame.output = None;
    }
}

/// Logs of frames inside a failed one never happened.
fn forget_logs(frames: &mut [CallFrame]) {
    for frame in frames {
        frame.logs.clear();
        forget_logs(&mut frame.calls);
    }
}

impl HostIoSink for CallTracer {}

impl<'a, DB: Database> Inspector<VmContext<'a, DB>> for CallTracer {
    fn call(
        &mut self,
        ctx: &mut VmContext<'a, DB>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        let (typ, to, shows_value) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.target_address, true),
            CallScheme::CallCode => ("CALLCODE", inputs.bytecode_address, true),
            CallScheme::DelegateCall => ("DELEGATECALL", inputs.bytecode_address, true),
            CallScheme::StaticCall => ("STATICCALL", inputs.target_address, false),
        };
        let from = match inputs.scheme {
            CallScheme::DelegateCall | CallScheme::CallCode => inputs.target_address,
            _ => inputs.caller,
        };
        let value = match inputs.value {
            CallValue::Transfer(value) | CallValue::Apparent(value) => value,
        };
        let input: Bytes = inputs.input.bytes(ctx);
        self.enter(CallFrame {
            from,
            to: Some(to),
            gas: U256::from(inputs.gas_limit),
            input,
            value: shows_value.then_some(value),
            typ: typ.to_owned(),
            ..CallFrame::default()
        });
        None
    }

    fn call_end(&mut self, _: &mut VmContext<'a, DB>, _: &CallInputs, outcome: &mut CallOutcome) {
        self.leave(&outcome.result, None);
    }

    fn create(
        &mut self,
        _: &mut VmContext<'a, DB>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        let typ = match inputs.scheme() {
            CreateScheme::Create2 { .. } => "CREATE2",
            _ => "CREATE",
        };
        self.enter(CallFrame {
            from: inputs.caller(),
            gas: U256::from(inputs.gas_limit()),
            input: inputs.init_code().clone(),
            value: Some(inputs.value()),
            typ: typ.to_owned(),
            ..CallFrame::default()
        });
        None
    }

    fn create_end(
        &mut self,
        _: &mut VmContext<'a, DB>,
        _: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.leave(&outcome.result, Some(outcome.address));
    }

    fn log(&mut self, _: &mut VmContext<'a, DB>, log: Log) {
        self.record(log);
    }

    fn log_full(&mut self, _: &mut Interpreter, _: &mut VmContext<'a, DB>, log: Log) {
        self.record(log);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if let Some(frame) = self.open.last_mut()
            && self.config.only_top_call != Some(true)
        {
            frame.calls.push(CallFrame {
                from: contract,
                to: Some(target),
                value: Some(value),
                typ: "SELFDESTRUCT".to_owned(),
                ..CallFrame::default()
            });
        }
    }
}

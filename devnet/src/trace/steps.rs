//! The step log (`structLogs`): every opcode with the stack, memory and storage before it.

use super::{MOST_MIB, reasons};
use alloy::primitives::{Address, B256, U256, hex, map::HashMap};
use alloy::rpc::types::trace::geth::{DefaultFrame, GethDefaultTracingOptions, StructLog};
use revm::bytecode::opcode::{self, OpCode};
use revm::context::{ContextTr, JournalTr};
use revm::context_interface::result::{ExecutionResult, HaltReason};
use revm::inspector::Inspector;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter_types::{Jumps, LoopControl};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a step takes beside its stack and memory, roughly.
const STEP: usize = 320;

/// Records the steps.
#[derive(Debug)]
pub(super) struct StepLogger {
    options: GethDefaultTracingOptions,
    logs: Vec<StructLog>,
    storage: HashMap<Address, BTreeMap<B256, B256>>,
    /// Whether the last step is still to be completed, and the slot that it stores to or loads.
    pending: Option<Option<(U256, Option<U256>)>>,
    bytes: usize,
}

impl StepLogger {
    pub fn new(options: GethDefaultTracingOptions) -> Self {
        Self { options, logs: Vec::new(), storage: HashMap::default(), pending: None, bytes: 0 }
    }

    /// Whether the log has outgrown its bound; nothing is recorded from then on.
    pub const fn is_full(&self) -> bool {
        self.bytes > MOST_MIB << 20
    }

    /// The log of a finished transaction.
    pub fn finish(self, result: &ExecutionResult<HaltReason>) -> DefaultFrame {
        DefaultFrame {
            failed: !result.is_success(),
            gas: result.tx_gas_used(),
            return_value: result.output().cloned().unwrap_or_default(),
            struct_logs: self.logs,
            ..DefaultFrame::default()
        }
    }

    fn record(&self, interp: &Interpreter, depth: usize) -> StructLog {
        let op = interp.bytecode.opcode();
        let name = OpCode::new(op).map_or_else(
            || Cow::Owned(format!("opcode {op:#x} not defined")),
            |op| Cow::Borrowed(op.as_str()),
        );
        let options = &self.options;
        let memory = || interp.memory.context_memory().chunks(32).map(memory_word).collect();
        let returned = interp.return_data.0.clone();
        StructLog {
            pc: interp.bytecode.pc() as u64,
            op: name,
            gas: interp.gas.remaining(),
            depth: depth as u64,
            stack: (options.disable_stack != Some(true)).then(|| interp.stack.data().clone()),
            memory: options.is_memory_enabled().then(memory),
            return_data: (options.is_return_data_enabled() && !returned.is_empty())
                .then_some(returned),
            refund_counter: u64::try_from(interp.gas.refunded()).ok().filter(|gas| *gas > 0),
            ..StructLog::default()
        }
    }

    fn weigh(&mut self, log: &StructLog) {
        self.bytes += STEP
            + log.stack.as_ref().map_or(0, |stack| 32 * stack.len())
            + log.memory.as_ref().map_or(0, |memory| 96 * memory.len());
    }
}

fn memory_word(chunk: &[u8]) -> String {
    let mut word = [0; 32];
    word[..chunk.len()].copy_from_slice(chunk);
    hex::encode_prefixed(word)
}

impl<CTX: ContextTr> Inspector<CTX> for StepLogger {
    fn step(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        let limit = self.options.limit.filter(|limit| *limit > 0);
        if self.is_full() || limit.is_some_and(|limit| self.logs.len() as u64 >= limit) {
            return;
        }
        let log = self.record(interp, ctx.journal_ref().depth());
        self.weigh(&log);
        self.logs.push(log);
        let peek = |n| interp.stack.peek(n).ok();
        let slot = match interp.bytecode.opcode() {
            _ if self.options.disable_storage == Some(true) => None,
            opcode::SLOAD => peek(0).map(|key| (key, None)),
            opcode::SSTORE => peek(0).zip(peek(1)).map(|(key, value)| (key, Some(value))),
            _ => None,
        };
        self.pending = Some(slot);
    }

    fn step_end(&mut self, interp: &mut Interpreter, _: &mut CTX) {
        let Some((slot, log)) = self.pending.take().zip(self.logs.last_mut()) else { return };
        log.gas_cost = log.gas.saturating_sub(interp.gas.remaining());
        let ended =
            interp.bytecode.action().as_ref().and_then(|action| action.instruction_result());
        log.error = ended.filter(|ended| !ended.is_revert()).and_then(reasons::text);
        if let (Some((key, stored)), None) = (slot, &log.error) {
            let value = stored.or_else(|| interp.stack.data().last().copied()).unwrap_or_default();
            let slots = self.storage.entry(interp.input.target_address).or_default();
            slots.insert(key.into(), value.into());
            log.storage = Some(slots.clone());
            self.bytes += 160 * slots.len();
        }
    }
}

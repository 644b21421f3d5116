//! `erc7562Tracer`: what the validation rules of account abstraction ask about each frame.

mod frame;

use super::{MOST_MIB, TraceError, reasons, world};
use crate::vm::Outcome;
use alloy::primitives::{Address, Bytes, Log, U64, U256};
use alloy::rpc::types::trace::geth::CallLogFrame;
use frame::{ContractSize, Frame};
use revm::bytecode::opcode as op;
use revm::context::{ContextTr, CreateScheme, JournalTr};
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter_types::Jumps;
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CallValue, CreateInputs, CreateOutcome, Interpreter,
    InterpreterResult,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Opcodes that no rule is about, beside the pushes, duplications and swaps.
const UNIMPORTANT: [u8; 16] = [
    op::POP,
    op::ADD,
    op::SUB,
    op::MUL,
    op::DIV,
    op::EQ,
    op::LT,
    op::GT,
    op::SLT,
    op::SGT,
    op::SHL,
    op::SHR,
    op::AND,
    op::OR,
    op::NOT,
    op::ISZERO,
];
/// Longest preimage that is kept, in bytes.
const PREIMAGE: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    ignored_opcodes: Option<Vec<U64>>,
    with_log: bool,
}

/// Collects frames with what they accessed.
#[derive(Debug)]
pub(super) struct Erc7562Tracer {
    ignored: BTreeSet<u8>,
    with_log: bool,
    open: Vec<Frame>,
    root: Frame,
    /// The opcode before, with the top of its stack; forgotten when a frame returns.
    last: Option<(u8, U256)>,
    preimages: BTreeSet<Bytes>,
    /// What inputs and preimages take.
    bytes: usize,
}

impl Erc7562Tracer {
    pub fn new(config: Value) -> Result<Self, TraceError> {
        let config: Option<Config> = serde_json::from_value(config)
            .map_err(|error| TraceError::Options(format!("tracerConfig: {error}")))?;
        let config = config.unwrap_or_default();
        let ignored = match config.ignored_opcodes {
            Some(ops) => ops.into_iter().map(|op| op.saturating_to()).collect(),
            // As in geth, the last swap is not among them.
            None => (op::PUSH0..op::SWAP16).chain(UNIMPORTANT).collect(),
        };
        Ok(Self {
            ignored,
            with_log: config.with_log,
            open: Vec::new(),
            root: Frame::default(),
            last: None,
            preimages: BTreeSet::new(),
            bytes: 0,
        })
    }

    /// Whether the tree has outgrown its bound.
    pub const fn is_full(&self) -> bool {
        self.bytes > MOST_MIB << 20
    }

    fn enter(&mut self, frame: Frame) {
        self.bytes += size_of::<Frame>() + frame.input.len();
        self.open.push(frame);
    }

    /// The tree of a finished transaction.
    pub fn finish(mut self, gas_limit: u64, outcome: &Outcome) -> Frame {
        self.root.gas = U64::from(gas_limit);
        self.root.gas_used = U64::from(outcome.result.tx_gas_used());
        self.root.keccak = self.preimages.into_iter().collect();
        self.root.forget_failed_logs(false);
        self.root
    }

    fn leave(&mut self, result: &InterpreterResult) {
        let Some(mut frame) = self.open.pop() else { return };
        frame.gas_used = U64::from(result.gas.total_gas_spent());
        frame.end(result);
        match self.open.last_mut() {
            Some(parent) => parent.calls.push(frame),
            None => self.root = frame,
        }
    }

    fn see_code(&mut self, opcode: u8) {
        let Some((before, top)) = self.last else { return };
        let Some(frame) = self.open.last_mut() else { return };
        if is_ext(before) && !(before == op::EXTCODESIZE && opcode == op::ISZERO) {
            frame.ext_code_access_info.push(address(top));
        }
        if before == op::GAS && !is_call(opcode) {
            frame.count(op::GAS);
        }
    }

    fn see_storage<CTX>(&mut self, opcode: u8, interp: &Interpreter, ctx: &mut CTX)
    where
        CTX: ContextTr<Journal: JournalExt>,
    {
        let (Some(frame), Ok(key)) = (self.open.last_mut(), interp.stack.peek(0)) else { return };
        let slots = &mut frame.accessed_slots;
        match opcode {
            op::SLOAD => {
                let slot = key.into();
                if !slots.reads.contains_key(&slot) && !slots.writes.contains_key(&slot) {
                    let value = world::slot(ctx, interp.input.target_address, key);
                    slots.reads.insert(slot, vec![value.into()]);
                }
            }
            op::SSTORE => *slots.writes.entry(key.into()).or_default() += 1,
            op::TLOAD => *slots.transient_reads.entry(key.into()).or_default() += 1,
            op::TSTORE => *slots.transient_writes.entry(key.into()).or_default() += 1,
            _ => {}
        }
    }

    fn see_preimage(&mut self, interp: &Interpreter) {
        let number = |n| interp.stack.peek(n).ok().and_then(|n| usize::try_from(n).ok());
        let Some((offset, size)) = number(0).zip(number(1)).filter(|(_, size)| *size <= PREIMAGE)
        else {
            return;
        };
        let memory = interp.memory.context_memory();
        let there = memory.get(offset..).unwrap_or_default();
        let mut preimage = vec![0; size];
        let known = there.len().min(size);
        preimage[..known].copy_from_slice(&there[..known]);
        self.bytes += size;
        self.preimages.insert(preimage.into());
    }
}

const fn is_ext(opcode: u8) -> bool {
    matches!(opcode, op::EXTCODEHASH | op::EXTCODESIZE | op::EXTCODECOPY)
}

const fn is_call(opcode: u8) -> bool {
    matches!(opcode, op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL)
}

fn address(word: U256) -> Address {
    Address::from_word(word.into())
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for Erc7562Tracer {
    fn step(&mut self, interp: &mut Interpreter, ctx: &mut CTX) {
        let opcode = interp.bytecode.opcode();
        if matches!(opcode, op::RETURN | op::REVERT) {
            self.last = None;
        }
        self.see_code(opcode);
        let target = match opcode {
            _ if is_ext(opcode) => interp.stack.peek(0).ok(),
            _ if is_call(opcode) => interp.stack.peek(1).ok(),
            _ => None,
        };
        if let (Some(frame), Some(target)) = (self.open.last_mut(), target.map(address)) {
            frame.contract_size.entry(target).or_insert_with(|| ContractSize {
                contract_size: world::code_size(ctx, target),
                opcode,
            });
        }
        if opcode != op::GAS
            && !self.ignored.contains(&opcode)
            && let Some(frame) = self.open.last_mut()
        {
            frame.count(opcode);
        }
        self.see_storage(opcode, interp, ctx);
        if opcode == op::KECCAK256 {
            self.see_preimage(interp);
        }
        self.last = Some((opcode, interp.stack.peek(0).unwrap_or_default()));
    }

    fn log(&mut self, _: &mut CTX, log: Log) {
        if let (true, Some(frame)) = (self.with_log, self.open.last_mut()) {
            frame.logs.push(CallLogFrame {
                address: Some(log.address),
                topics: Some(log.data.topics().to_vec()),
                data: Some(log.data.data),
                position: Some(frame.calls.len() as u64),
                index: None,
            });
        }
    }

    fn call(&mut self, ctx: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (CallValue::Transfer(value) | CallValue::Apparent(value)) = inputs.value;
        let (typ, from, to) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, inputs.target_address),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, inputs.target_address),
            CallScheme::CallCode => ("CALLCODE", inputs.target_address, inputs.bytecode_address),
            CallScheme::DelegateCall => {
                ("DELEGATECALL", inputs.target_address, inputs.bytecode_address)
            }
        };
        self.enter(Frame {
            typ,
            from,
            to: Some(to),
            gas: U64::from(inputs.gas_limit),
            input: inputs.input.bytes(ctx),
            value: (inputs.scheme != CallScheme::StaticCall).then_some(value),
            ..Frame::default()
        });
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.leave(&outcome.result);
    }

    fn create(&mut self, ctx: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let creator = ctx.journal_mut().load_account(inputs.caller());
        let nonce = creator.map_or(0, |account| account.info.nonce);
        let typ = match inputs.scheme() {
            CreateScheme::Create2 { .. } => "CREATE2",
            _ => "CREATE",
        };
        self.enter(Frame {
            typ,
            from: inputs.caller(),
            to: Some(inputs.created_address(nonce)),
            gas: U64::from(inputs.gas_limit()),
            input: inputs.init_code().clone(),
            value: Some(inputs.value()),
            ..Frame::default()
        });
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        if !outcome.result.result.is_ok()
            && let Some(frame) = self.open.last_mut()
        {
            frame.to = None;
        }
        self.leave(&outcome.result);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if let Some(frame) = self.open.last_mut() {
            frame.calls.push(Frame {
                typ: "SELFDESTRUCT",
                from: contract,
                to: Some(target),
                value: Some(value),
                ..Frame::default()
            });
        }
    }
}

impl Frame {
    fn end(&mut self, result: &InterpreterResult) {
        let returned = || (!result.output.is_empty()).then(|| result.output.clone());
        self.error = reasons::text(result.result);
        self.out_of_gas = reasons::is_out_of_gas(result.result);
        if result.result.is_ok() {
            self.output = returned();
        } else if result.result == revm::interpreter::InstructionResult::Revert {
            self.output = returned();
            let reason = crate::revert::reason(&result.output);
            self.revert_reason = reason.strip_prefix(": ").map(str::to_owned);
        }
    }
}

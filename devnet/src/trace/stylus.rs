//! `stylusTracer`: the host calls of programs, nested as the frames were.

use super::MOST_MIB;
use crate::vm::{HostIo, HostIoSink};
use alloy::primitives::{Address, Bytes, U256};
use revm::context::{ContextTr, CreateScheme, JournalTr};
use revm::inspector::Inspector;
use revm::interpreter::{CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome};
use serde::Serialize;

/// Host calls that stand for the frame they opened.
const NESTING: [&str; 3] = ["call_contract", "delegate_call_contract", "static_call_contract"];

/// One host call, or a frame that EVM code opened.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: &'static str,
    args: Bytes,
    outs: Bytes,
    start_ink: u64,
    end_ink: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Entry>>,
}

/// Collects the host calls of one transaction.
#[derive(Debug, Default)]
pub(super) struct StylusTracer {
    open: Vec<Entry>,
    outer: Vec<Vec<Entry>>,
    depth: usize,
    bytes: usize,
}

impl StylusTracer {
    /// Whether there are more host calls than may be kept.
    pub const fn is_full(&self) -> bool {
        self.bytes > MOST_MIB << 20
    }

    /// The host calls of the outermost frame.
    pub fn finish(self) -> impl Serialize {
        self.open
    }

    fn enter(&mut self, name: &'static str, address: Address) {
        self.depth += 1;
        if self.depth == 1 {
            return;
        }
        self.bytes += size_of::<Entry>();
        let (address, steps) = (Some(address), Some(Vec::new()));
        self.open.push(Entry { name, address, steps, ..Entry::default() });
        self.outer.push(std::mem::take(&mut self.open));
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let Some(outer) = self.outer.pop() else { return };
        let steps = std::mem::replace(&mut self.open, outer);
        if let Some(entry) = self.open.last_mut() {
            entry.steps = Some(steps);
        }
    }
}

impl HostIoSink for StylusTracer {
    fn wants_host_io(&self) -> bool {
        true
    }

    fn host_io(&mut self, event: HostIo) {
        let mut entry = Entry {
            name: event.name,
            args: event.args.into(),
            outs: event.outs.into(),
            start_ink: event.start_ink,
            end_ink: event.end_ink,
            ..Entry::default()
        };
        if NESTING.contains(&event.name) {
            let opened = |last: &mut Entry| last.name.strip_prefix("evm_") == Some(event.name);
            // A call that was refused has opened no frame; readers want one all the same.
            let callee = entry.args.get(..20).map(Address::from_slice);
            let inner = self.open.pop_if(opened).unwrap_or_default();
            entry.address = inner.address.or(callee);
            entry.steps = inner.steps.or(Some(Vec::new()));
        }
        self.open.push(entry);
    }
}

impl<CTX: ContextTr> Inspector<CTX> for StylusTracer {
    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (name, address) = match inputs.scheme {
            CallScheme::Call => ("evm_call_contract", inputs.target_address),
            CallScheme::StaticCall => ("evm_static_call_contract", inputs.target_address),
            CallScheme::DelegateCall => ("evm_delegate_call_contract", inputs.bytecode_address),
            CallScheme::CallCode => ("evm_callcode", inputs.bytecode_address),
        };
        self.enter(name, address);
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, _: &mut CallOutcome) {
        self.leave();
    }

    fn create(&mut self, ctx: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let name = match inputs.scheme() {
            CreateScheme::Create2 { .. } => "evm_create2",
            _ => "evm_create1",
        };
        let creator = ctx.journal_mut().load_account(inputs.caller());
        let nonce = creator.map_or(0, |account| account.info.nonce);
        self.enter(name, inputs.created_address(nonce));
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, _: &mut CreateOutcome) {
        self.leave();
    }

    fn selfdestruct(&mut self, _: Address, target: Address, _: U256) {
        self.enter("evm_self_destruct", target);
        self.leave();
    }
}

//! One frame as the tracer tells it.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::rpc::types::trace::geth::CallLogFrame;
use serde::Serialize;
use std::collections::BTreeMap;

/// A frame, what it accessed itself, and the frames inside it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    #[serde(rename = "type")]
    pub typ: &'static str,
    pub from: Address,
    pub gas: U64,
    pub gas_used: U64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Address>,
    pub input: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert_reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<CallLogFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<U256>,
    pub accessed_slots: AccessedSlots,
    pub ext_code_access_info: Vec<Address>,
    pub used_opcodes: BTreeMap<U64, u64>,
    pub contract_size: BTreeMap<Address, ContractSize>,
    pub out_of_gas: bool,
    /// Preimages of the whole transaction; the outermost frame has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keccak: Vec<Bytes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Frame>,
}

impl Frame {
    /// Counts an opcode.
    pub fn count(&mut self, opcode: u8) {
        *self.used_opcodes.entry(U64::from(opcode)).or_default() += 1;
    }

    /// Logs of failed frames, and of frames inside them, never happened.
    pub fn forget_failed_logs(&mut self, outer_failed: bool) {
        let failed = outer_failed || self.error.is_some();
        if failed {
            self.logs.clear();
        }
        self.calls.iter_mut().for_each(|call| call.forget_failed_logs(failed));
    }
}

/// Storage that a frame accessed: values read first, and numbers of accesses.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessedSlots {
    pub reads: BTreeMap<B256, Vec<B256>>,
    pub writes: BTreeMap<B256, u64>,
    pub transient_reads: BTreeMap<B256, u64>,
    pub transient_writes: BTreeMap<B256, u64>,
}

/// The code of an account that a frame looked at or called, and the opcode that did so first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractSize {
    pub contract_size: usize,
    pub opcode: u8,
}

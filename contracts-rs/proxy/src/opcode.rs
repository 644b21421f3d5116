//! The few EVM instructions that a proxy is made of, and a writer for them.

use alloc::vec::Vec;

pub(crate) const CALLDATASIZE: u8 = 0x36;
pub(crate) const CALLDATACOPY: u8 = 0x37;
pub(crate) const CODECOPY: u8 = 0x39;
pub(crate) const RETURNDATASIZE: u8 = 0x3d;
pub(crate) const RETURNDATACOPY: u8 = 0x3e;
pub(crate) const SLOAD: u8 = 0x54;
pub(crate) const SSTORE: u8 = 0x55;
pub(crate) const JUMPI: u8 = 0x57;
pub(crate) const GAS: u8 = 0x5a;
pub(crate) const JUMPDEST: u8 = 0x5b;
pub(crate) const PUSH1: u8 = 0x60;
pub(crate) const DUP1: u8 = 0x80;
pub(crate) const DUP3: u8 = 0x82;
pub(crate) const RETURN: u8 = 0xf3;
pub(crate) const DELEGATECALL: u8 = 0xf4;
pub(crate) const REVERT: u8 = 0xfd;

/// Bytecode under construction.
pub(crate) struct Code {
    pub(crate) bytes: Vec<u8>,
}

impl Code {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub(crate) fn op(&mut self, op: u8) {
        self.bytes.push(op);
    }

    pub(crate) fn ops(&mut self, ops: &[u8]) {
        self.bytes.extend_from_slice(ops);
    }

    /// Pushes 1 to 32 bytes as one word.
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.op(PUSH1 + value.len() as u8 - 1);
        self.ops(value);
    }
}

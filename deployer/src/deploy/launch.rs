//! One transaction that creates a program, activates it and initialises it, so that nobody
//! can come between.
//!
//! A Stylus program cannot run before it is activated and cannot be activated before it
//! stands, so it cannot initialise itself when it is created. This init code does the three
//! steps from a contract that exists for that moment only. It goes through the deterministic
//! deployer, so the program's address follows from its bytes and its initialisation.

use super::activate::{ARB_WASM, ArbWasm};
use super::create2::{DETERMINISTIC_DEPLOYER, SALT};
use alloy::primitives::{Address, Bytes, keccak256};
use alloy::sol_types::SolCall;

/// Where [`init_code`] puts the program.
pub(super) fn address(init_code: &[u8], program: &[u8]) -> Address {
    let launcher = DETERMINISTIC_DEPLOYER.create2(SALT, keccak256(init_code));
    launcher.create2(SALT, keccak256(program))
}

/// Init code that creates `program` (itself init code), pays its activation with the value
/// sent along, calls it with `initialize` and returns the rest to the transaction's sender.
/// It reverts, with the program's answer, when the program cannot be created or initialised.
/// That the code was active before is fine; what is not active then fails to initialise.
pub(super) fn init_code(program: &[u8], initialize: &[u8]) -> Bytes {
    // The offsets are in the instructions, whose length does not depend on them.
    let length = instructions(0, program.len(), initialize.len()).len();
    let mut out = instructions(length, program.len(), initialize.len());
    out.extend_from_slice(program);
    out.extend_from_slice(initialize);
    out.into()
}

fn instructions(start: usize, program: usize, initialize: usize) -> Vec<u8> {
    let mut code = Assembler::default();
    // program = create2(0, 0, length, 0) of a copy in memory
    code.copy(start, program).zero().number(program).zero().zero().op(CREATE2);
    code.op(DUP1).or_revert();
    // arbwasm.activateProgram{value: callvalue}(program), whatever it answers
    code.bytes.push(PUSH4);
    code.bytes.extend_from_slice(&ArbWasm::activateProgramCall::SELECTOR);
    code.ops(&[PUSH1, 0xe0, SHL]).zero().op(MSTORE);
    code.ops(&[DUP1, PUSH1, 4, MSTORE]);
    code.zero().zero().ops(&[PUSH1, 36]).zero().op(CALLVALUE);
    code.ops(&[PUSH1, ARB_WASM[19], GAS, CALL, POP]);
    // program.call(initialize)
    code.copy(start + program, initialize);
    code.zero().zero().number(initialize).zero().zero().ops(&[DUP6, GAS, CALL]).or_revert();
    // origin.call{value: selfbalance}()
    code.zero().zero().zero().zero().ops(&[SELFBALANCE, ORIGIN, GAS, CALL, POP]);
    // The contract of the moment keeps no code.
    code.zero().zero().op(RETURN);
    code.bytes
}

const SHL: u8 = 0x1b;
const ORIGIN: u8 = 0x32;
const CALLVALUE: u8 = 0x34;
const CODECOPY: u8 = 0x39;
const RETURNDATASIZE: u8 = 0x3d;
const RETURNDATACOPY: u8 = 0x3e;
const SELFBALANCE: u8 = 0x47;
const POP: u8 = 0x50;
const MSTORE: u8 = 0x52;
const JUMPI: u8 = 0x57;
const GAS: u8 = 0x5a;
const JUMPDEST: u8 = 0x5b;
const PUSH0: u8 = 0x5f;
const PUSH1: u8 = 0x60;
const PUSH2: u8 = 0x61;
const PUSH3: u8 = 0x62;
const PUSH4: u8 = 0x63;
const DUP1: u8 = 0x80;
const DUP6: u8 = 0x85;
const CALL: u8 = 0xf1;
const RETURN: u8 = 0xf3;
const CREATE2: u8 = 0xf5;
const REVERT: u8 = 0xfd;

#[derive(Default)]
struct Assembler {
    bytes: Vec<u8>,
}

impl Assembler {
    fn op(&mut self, op: u8) -> &mut Self {
        self.bytes.push(op);
        self
    }

    fn ops(&mut self, ops: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(ops);
        self
    }

    fn zero(&mut self) -> &mut Self {
        self.op(PUSH0)
    }

    /// A length or offset, always in three bytes.
    fn number(&mut self, value: usize) -> &mut Self {
        let [.., a, b, c] = value.to_be_bytes();
        self.ops(&[PUSH3, a, b, c])
    }

    /// Copies part of this code to memory 0.
    fn copy(&mut self, offset: usize, length: usize) -> &mut Self {
        self.number(length).number(offset).zero().op(CODECOPY)
    }

    /// Takes a flag; reverts with what the last call or creation answered if it is zero.
    fn or_revert(&mut self) -> &mut Self {
        /// RETURNDATASIZE, three bytes that copy the answer, and RETURNDATASIZE 0 REVERT.
        const REVERTING: u16 = 7;
        let [high, low] = (self.bytes.len() as u16 + 4 + REVERTING).to_be_bytes();
        self.ops(&[PUSH2, high, low, JUMPI]);
        self.ops(&[RETURNDATASIZE, PUSH0, PUSH0, RETURNDATACOPY, RETURNDATASIZE, PUSH0, REVERT]);
        self.op(JUMPDEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_follows_the_instructions() {
        let code = init_code(&[0xaa; 300], &[0xbb; 36]);
        let length = code.len() - 336;
        assert_eq!(code[length..length + 300], [0xaa; 300]);
        assert_eq!(code[length + 300..], [0xbb; 36]);
        let [.., high, low] = length.to_be_bytes();
        assert_eq!(code[..9], [PUSH3, 0, 1, 44, PUSH3, 0, high, low, PUSH0]);
    }

    #[test]
    fn initialisation_is_part_of_the_address() {
        let at = |initialize: &[u8]| address(&init_code(b"program", initialize), b"program");
        assert_ne!(at(b"one"), at(b"two"));
    }
}

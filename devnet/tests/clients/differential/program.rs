//! Random EVM programs that mostly run to their end.

use super::dice::Dice;
use super::precompiled;
use alloy::primitives::{Address, U256};
use revm::bytecode::opcode::*;

/// Memory that programs work on, in bytes.
const MEMORY: u64 = 256;
/// Storage slots that programs work on.
pub const SLOTS: u64 = 6;

/// Takes two words and gives one.
const BINARY: [u8; 23] = [
    ADD, MUL, SUB, DIV, SDIV, MOD, SMOD, EXP, SIGNEXTEND, LT, GT, SLT, SGT, EQ, AND, OR, XOR, BYTE,
    SHL, SHR, SAR, KECCAK256, ADD,
];
/// Tells something of its surroundings that is the same on any chain of the same rules.
const NULLARY: [u8; 17] = [
    ADDRESS,
    ORIGIN,
    CALLER,
    CALLVALUE,
    CALLDATASIZE,
    CODESIZE,
    GASPRICE,
    COINBASE,
    TIMESTAMP,
    GASLIMIT,
    CHAINID,
    SELFBALANCE,
    BASEFEE,
    RETURNDATASIZE,
    MSIZE,
    GAS,
    PC,
];

/// A program under construction.
#[derive(Debug, Default)]
pub struct Program {
    code: Vec<u8>,
}

impl Program {
    /// A program of some statements, and an end.
    pub fn random(dice: &mut Dice, others: &[Address]) -> Vec<u8> {
        let mut program = Self::default();
        let length = 2 + dice.below(14);
        for _ in 0..length {
            program.statement(dice, others, 0);
        }
        program.end(dice);
        program.code
    }

    /// Init code that runs a random program and then deploys `runtime`.
    pub fn init(dice: &mut Dice, others: &[Address], runtime: &[u8]) -> Vec<u8> {
        let mut program = Self::default();
        for _ in 0..dice.below(5) {
            program.statement(dice, others, 0);
        }
        program.deploy(runtime);
        program.code
    }

    /// Returns bytes that follow as data.
    pub fn deploy(&mut self, runtime: &[u8]) {
        let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
        let start = u16::try_from(self.code.len() + 13).unwrap().to_be_bytes();
        self.code.extend([PUSH2, length[0], length[1], DUP1, PUSH2, start[0], start[1], PUSH0]);
        self.code.extend([CODECOPY, PUSH0, RETURN, STOP, STOP]);
        self.code.extend(runtime);
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.code
    }

    fn op(&mut self, op: u8) {
        self.code.push(op);
    }

    pub fn push(&mut self, word: U256) {
        let bytes = word.to_be_bytes_trimmed_vec();
        self.code.push(PUSH0 + u8::try_from(bytes.len()).unwrap());
        self.code.extend(bytes);
    }

    fn small(&mut self, number: u64) {
        self.push(U256::from(number));
    }

    fn address(&mut self, address: Address) {
        self.code.push(PUSH20);
        self.code.extend(address);
    }

    /// Offset and size of a piece of memory, with the offset on top.
    fn piece(&mut self, dice: &mut Dice) {
        self.small(dice.below(MEMORY));
        self.small(dice.below(MEMORY));
    }

    /// Keeps the word on top of the stack somewhere.
    fn keep(&mut self, dice: &mut Dice) {
        match dice.below(10) {
            0..2 => self.slot_op(dice, SSTORE),
            2 => self.slot_op(dice, TSTORE),
            3 => self.op(POP),
            _ => {
                self.small(dice.below(MEMORY));
                self.op(if dice.percent(80) { MSTORE } else { MSTORE8 });
            }
        }
    }

    fn slot_op(&mut self, dice: &mut Dice, op: u8) {
        self.small(dice.below(SLOTS));
        self.op(op);
    }

    fn statement(&mut self, dice: &mut Dice, others: &[Address], depth: u8) {
        match dice.below(100) {
            0..22 => self.arithmetic(dice),
            22..32 => {
                self.op(dice.pick(&NULLARY));
                self.keep(dice);
            }
            32..44 => {
                let value = if dice.percent(40) { U256::ZERO } else { dice.word() };
                self.push(value);
                let op = if dice.percent(75) { SSTORE } else { TSTORE };
                self.slot_op(dice, op);
            }
            44..54 => {
                let op = if dice.percent(75) { SLOAD } else { TLOAD };
                self.slot_op(dice, op);
                self.keep(dice);
            }
            54..62 => self.copy(dice, others),
            62..68 => self.log(dice),
            68..76 => self.account(dice, others),
            76..88 => self.call(dice, others),
            88..92 => self.create(dice),
            92..98 if depth < 2 => self.branch(dice, others, depth),
            98 => self.op(dice.pick(&[INVALID, 0x0c, 0x21, 0xa5, 0xef, POP, ADD, JUMP, DUP16])),
            _ => self.op(JUMPDEST),
        }
    }

    fn arithmetic(&mut self, dice: &mut Dice) {
        match dice.below(12) {
            0 => {
                (0..3).for_each(|_| self.push(dice.word()));
                self.op(dice.pick(&[ADDMOD, MULMOD]));
            }
            1 => {
                self.push(dice.word());
                self.op(dice.pick(&[ISZERO, NOT, CLZ, CALLDATALOAD]));
            }
            2 => {
                self.small(dice.below(MEMORY));
                self.op(MLOAD);
            }
            3 => {
                self.small(dice.below(3));
                self.op(BLOBHASH);
            }
            4 => {
                let deep = dice.below(5);
                (0..deep + 2).for_each(|_| self.push(dice.word()));
                self.op((if dice.percent(50) { DUP1 } else { SWAP1 }) + deep.to_le_bytes()[0]);
            }
            _ => match dice.pick(&BINARY) {
                KECCAK256 => {
                    self.piece(dice);
                    self.op(KECCAK256);
                }
                op => {
                    self.push(dice.word());
                    self.push(dice.word());
                    self.op(op);
                }
            },
        }
        self.keep(dice);
    }

    fn copy(&mut self, dice: &mut Dice, others: &[Address]) {
        let op = dice.pick(&[CALLDATACOPY, CODECOPY, MCOPY, EXTCODECOPY, RETURNDATACOPY]);
        match op {
            // More than there is fails.
            RETURNDATACOPY if dice.percent(85) => self.op(RETURNDATASIZE),
            _ => self.small(dice.below(80)),
        }
        self.small(if op == RETURNDATACOPY { 0 } else { dice.below(MEMORY) });
        self.small(dice.below(MEMORY));
        if op == EXTCODECOPY {
            self.target(dice, others);
        }
        self.op(op);
    }

    fn log(&mut self, dice: &mut Dice) {
        let topics = dice.below(5);
        (0..topics).for_each(|_| self.push(dice.word()));
        self.piece(dice);
        self.op(LOG0 + topics.to_le_bytes()[0]);
    }

    fn target(&mut self, dice: &mut Dice, others: &[Address]) {
        match dice.below(10) {
            0 => self.op(ADDRESS),
            1 => self.address(dice.address()),
            2 => self.address(precompiled::address(dice.pick(&precompiled::ALL))),
            _ => self.address(dice.pick(others)),
        }
    }

    fn account(&mut self, dice: &mut Dice, others: &[Address]) {
        self.target(dice, others);
        self.op(dice.pick(&[BALANCE, EXTCODESIZE, EXTCODEHASH]));
        self.keep(dice);
    }

    fn call(&mut self, dice: &mut Dice, others: &[Address]) {
        let op = dice.pick(&[CALL, CALL, STATICCALL, DELEGATECALL, CALLCODE]);
        self.piece(dice);
        self.piece(dice);
        if matches!(op, CALL | CALLCODE) {
            self.small(if dice.percent(70) { 0 } else { dice.below(50) });
        }
        self.target(dice, others);
        match dice.below(4) {
            0 => self.small(dice.below(60_000)),
            1 => self.push(dice.word()),
            _ => self.op(GAS),
        }
        self.op(op);
        self.keep(dice);
    }

    /// Creates a contract without code, or fails to.
    fn create(&mut self, dice: &mut Dice) {
        let init: &[u8] = match dice.below(4) {
            0 => &[PUSH1, 1, PUSH0, SSTORE, PUSH1, 3, PUSH0, RETURN],
            1 => &[PUSH0, PUSH0, REVERT],
            2 => &[CALLVALUE, PUSH1, 2, SSTORE, INVALID],
            _ => &[PUSH1, 1, PUSH0, TSTORE, STOP],
        };
        let mut word = [0; 32];
        word[..init.len()].copy_from_slice(init);
        self.code.push(PUSH32);
        self.code.extend(word);
        self.op(PUSH0);
        self.op(MSTORE);
        let op = dice.pick(&[CREATE, CREATE2]);
        if op == CREATE2 {
            self.small(dice.below(4));
        }
        self.small(init.len() as u64);
        self.op(PUSH0);
        self.small(if dice.percent(80) { 0 } else { dice.below(30) });
        self.op(op);
        self.keep(dice);
    }

    /// Skips some statements, or repeats them.
    fn branch(&mut self, dice: &mut Dice, others: &[Address], depth: u8) {
        let repeat = dice.percent(50);
        let start = self.code.len();
        if repeat {
            self.small(1 + dice.below(4));
            let back = self.code.len();
            self.op(JUMPDEST);
            self.statement(dice, others, depth + 1);
            self.code.extend([PUSH1, 1, SWAP1, SUB, DUP1]);
            self.jump_if(back);
            self.op(POP);
        } else {
            self.push(dice.word());
            self.jump_if(start);
            let patch = self.code.len() - 3;
            self.statement(dice, others, depth + 1);
            let end = u16::try_from(self.code.len()).unwrap().to_be_bytes();
            self.code[patch..patch + 2].copy_from_slice(&end);
            self.op(JUMPDEST);
        }
    }

    fn jump_if(&mut self, to: usize) {
        let to = u16::try_from(to).unwrap().to_be_bytes();
        self.code.extend([PUSH2, to[0], to[1], JUMPI]);
    }

    fn end(&mut self, dice: &mut Dice) {
        match dice.below(20) {
            0..3 => {
                self.piece(dice);
                self.op(REVERT);
            }
            3 => self.op(INVALID),
            4 => {
                self.address(dice.address());
                self.op(SELFDESTRUCT);
            }
            5 => {
                self.op(ADDRESS);
                self.op(SELFDESTRUCT);
            }
            6..12 => {
                self.piece(dice);
                self.op(RETURN);
            }
            _ => self.op(STOP),
        }
    }
}

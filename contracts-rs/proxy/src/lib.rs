//! Init code of an ERC-1967 proxy: writes the implementation slot, initialises through it
//! and returns a fixed 61-byte runtime, in one transaction, so that nobody can come
//! between creation and initialisation.
//!
//! No dependencies and no `std`: the factory (WASM) and the deployer (host) build the same
//! bytes from the same source.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;

mod opcode;

use opcode::*;

/// The ERC-1967 implementation slot: `keccak256("eip1967.proxy.implementation") - 1`.
pub const IMPLEMENTATION_SLOT: [u8; 32] = [
    0x36, 0x08, 0x94, 0xa1, 0x3b, 0xa1, 0xa3, 0x21, 0x06, 0x67, 0xc8, 0x28, 0x49, 0x2d, 0xb9, 0x8d,
    0xca, 0x3e, 0x20, 0x76, 0xcc, 0x37, 0x35, 0xa9, 0x20, 0xa3, 0xca, 0x50, 0x5d, 0x38, 0x2b, 0xbc,
];

/// Length of the code that a proxy account holds.
pub const RUNTIME_LENGTH: usize = 61;

/// Longest initialisation call that fits the two-byte lengths of the init code.
pub const MAX_INIT_DATA: usize = 0xffff - INIT_LENGTH - RUNTIME_LENGTH;

/// Length of the instructions before the runtime and the initialisation call.
const INIT_LENGTH: usize = STORE_LENGTH + INITIALISE_LENGTH + RETURN_LENGTH;
const STORE_LENGTH: usize = 55;
const INITIALISE_LENGTH: usize = 49;
const RETURN_LENGTH: usize = 12;

/// The code of every proxy. It forwards calldata and value to the address in the
/// implementation slot and hands back what that returned or reverted with.
pub fn runtime() -> [u8; RUNTIME_LENGTH] {
    const RETURN_LABEL: u8 = 56;
    let mut code = Code::new();
    // Copy the calldata to memory 0. RETURNDATASIZE is zero before any call: a one-byte 0.
    code.ops(&[CALLDATASIZE, RETURNDATASIZE, RETURNDATASIZE, CALLDATACOPY]);
    // delegatecall(gas, implementation, 0, calldatasize, 0, 0), arguments pushed in reverse.
    code.ops(&[RETURNDATASIZE, RETURNDATASIZE, CALLDATASIZE, RETURNDATASIZE]);
    code.push(&IMPLEMENTATION_SLOT);
    code.ops(&[SLOAD, GAS, DELEGATECALL]);
    // Copy the whole answer to memory 0.
    code.op(RETURNDATASIZE);
    code.push(&[0]);
    code.ops(&[DUP1, RETURNDATACOPY]);
    // The call's success flag is still below: revert with the answer, or return it.
    code.push(&[RETURN_LABEL]);
    code.ops(&[JUMPI, RETURNDATASIZE]);
    code.push(&[0]);
    code.op(REVERT);
    code.ops(&[JUMPDEST, RETURNDATASIZE]);
    code.push(&[0]);
    code.op(RETURN);

    let mut out = [0; RUNTIME_LENGTH];
    out.copy_from_slice(&code.bytes);
    out
}

/// Init code of a proxy of `implementation` that is initialised with the call `init_data`.
///
/// The created account is empty if `init_data` reverts: the revert data is passed on.
/// Layout: instructions, then the 61-byte runtime, then `init_data`.
///
/// # Panics
/// If `init_data` is longer than [`MAX_INIT_DATA`].
pub fn init_code(implementation: [u8; 20], init_data: &[u8]) -> Vec<u8> {
    assert!(init_data.len() <= MAX_INIT_DATA, "initialisation call too long");
    let runtime_offset = (INIT_LENGTH as u16).to_be_bytes();
    let data_offset = ((INIT_LENGTH + RUNTIME_LENGTH) as u16).to_be_bytes();
    let data_length = (init_data.len() as u16).to_be_bytes();

    let mut code = Code::new();
    // sstore(IMPLEMENTATION_SLOT, implementation)
    code.push(&implementation);
    code.push(&IMPLEMENTATION_SLOT);
    code.op(SSTORE);
    initialise(&mut code, implementation, data_length, data_offset);
    // codecopy(0, runtime offset, 61), then return(0, 61)
    code.push(&[RUNTIME_LENGTH as u8]);
    code.op(DUP1);
    code.push(&runtime_offset);
    code.push(&[0]);
    code.op(CODECOPY);
    code.push(&[0]);
    code.op(RETURN);

    code.bytes.extend_from_slice(&runtime());
    code.bytes.extend_from_slice(init_data);
    code.bytes
}

/// `delegatecall(gas, implementation, init_data)`; a revert is passed on.
fn initialise(code: &mut Code, implementation: [u8; 20], length: [u8; 2], offset: [u8; 2]) {
    // JUMPDEST is the last byte of this part.
    const DONE_LABEL: u8 = (STORE_LENGTH + INITIALISE_LENGTH - 1) as u8;
    // codecopy(0, offset, length); the length stays on the stack.
    code.push(&length);
    code.op(DUP1);
    code.push(&offset);
    code.ops(&[RETURNDATASIZE, CODECOPY]);
    // delegatecall(gas, implementation, 0, length, 0, 0), arguments pushed in reverse.
    code.ops(&[RETURNDATASIZE, RETURNDATASIZE, DUP3, RETURNDATASIZE]);
    code.push(&implementation);
    code.ops(&[GAS, DELEGATECALL]);
    code.push(&[DONE_LABEL]);
    code.op(JUMPI);
    // revert(0, returndatasize) with the answer
    code.op(RETURNDATASIZE);
    code.push(&[0]);
    code.ops(&[DUP1, RETURNDATACOPY, RETURNDATASIZE]);
    code.push(&[0]);
    code.ops(&[REVERT, JUMPDEST]);
}

#[cfg(test)]
mod tests;

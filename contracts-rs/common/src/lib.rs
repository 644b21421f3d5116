//! What the programs share: ERC-7201 namespaced slots, hand-packed words, the test whether
//! the code runs behind a proxy, ETH transfers and a transient reentrancy guard.

#![cfg_attr(not(test), no_std)]

pub mod guard;
pub mod packing;
pub mod proxied;
pub mod slots;
pub mod transfer;

#[cfg(test)]
extern crate std;

//! The real programs, as WASM, on the embedded chain beside the canonical EntryPoint.

mod account;
mod account_batch;
mod administration;
mod delegation;
mod deployment;
mod factory;
mod gas;
mod hostile;
mod lifecycle;
mod operations;
mod orders;
mod refusals;
mod sequences;
mod solidity;
mod support;

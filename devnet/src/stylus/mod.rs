//! Stylus programs by themselves: what a valid module is, how it is rewritten so that it
//! pays for itself, how it is compiled, and the host functions it may call.
//!
//! Nothing here knows the EVM: a running program asks for chain state through
//! `Request` values that the owner of the frame answers.

pub mod code;
pub mod costs;
pub mod disk;
pub mod engine;
pub mod host;
mod instrument;
pub mod memory;
pub mod module;
pub mod prices;
pub mod program;
pub mod request;
pub mod rewrite;
pub mod trace;
mod validate;

pub use module::ModuleError;

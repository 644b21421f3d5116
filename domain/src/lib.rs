//! Pure types and rules shared by every process: ids, manifests, receipts, jobs, UserOperations, frames.
//!
//! Nothing here performs I/O (beyond generic `Read`/`Write`), reads a clock or needs a runtime.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod calls;
pub mod hash;
pub mod ids;
pub mod job;
pub mod manifest;
pub mod receipt;
pub mod serde_text;
pub mod signature;
pub mod userop;
pub mod wire;

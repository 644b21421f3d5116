//! From purchase to settlement: one file per phase, driven by the outbox.
//!
//! A phase reads a job, does the work that its state owes, and answers with the event to
//! commit. It keeps nothing in memory that matters: after a crash the outbox says what is
//! owed, and the phase is simply done again.

mod confirm;
mod context;
mod drive;
mod expiry;
mod finalize;
mod input;
mod logs;
mod outbox;
mod receipt;
mod run;
mod trouble;
mod verdict;

pub use context::Context;
pub use outbox::serve;
pub(crate) use trouble::Trouble;

//! Settling: from a signed receipt to a mined, checked UserOperation.
//!
//! One operation per order, its nonce key being the order's, so that a second one can never be
//! mined. Operations travel in bundles of the bundler's own account, several at a time on
//! consecutive nonces, each stored before it is signed and before it is sent.

mod assemble;
mod bundler;
mod fees;
mod follow;
mod funds;
mod gas;
mod judge;
mod nonce;
mod operation;
mod rests;
mod sign;
mod simulate;
mod weigh;

pub use bundler::bundle;
pub(crate) use gas::StartBook;
pub(crate) use operation::sign_operation;

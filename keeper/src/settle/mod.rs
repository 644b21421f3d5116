//! Settling: from a signed receipt to a mined, checked UserOperation.
//!
//! One operation per purchase, its nonce key being the purchase's id, so that a second one
//! can never be mined. Operations travel in bundles of the bundler's own account, one bundle
//! at a time, each stored before it is sent.

mod assemble;
mod bundler;
mod fees;
mod follow;
mod gas;
mod operation;
mod sign;
mod simulate;

pub use bundler::bundle;
pub(crate) use gas::StartBook;
pub(crate) use operation::sign_operation;

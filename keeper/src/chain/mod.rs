//! The keeper's view of the chain: following the registry's logs, reading its storage.

mod account;
mod audit;
mod catch_up;
mod client;
mod decode;
mod error;
mod head;
mod listing;
mod logs;
mod receipts;
mod rewind;
mod standing;
mod wake;
mod watch;

pub use client::Chain;
pub use error::ChainError;
pub(crate) use error::Doing;
pub use head::{Head, HeadBoard, Heads};
pub use listing::Listed;
pub use receipts::OpResult;
pub use standing::{Shown, Standing};
pub use watch::watch;

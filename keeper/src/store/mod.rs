//! The keeper's memory: one SQLite file behind one blocking thread.
//!
//! Every change of a job, the work that its new state owes and the event that watchers see
//! commit in one transaction. [`Store`] is a cheap handle; dropping the last one ends the
//! thread.

mod actor;
mod batches;
mod blobs;
mod bundles;
mod chain;
mod desk;
mod error;
mod events;
mod former;
mod jobs;
mod ledger;
mod missed;
mod open;
mod retention;
mod values;

#[cfg(test)]
mod tests;

pub use actor::{Change, Store};
pub use blobs::{PutInput, Wanted};
pub use bundles::{BundleStatus, BundleTx, Fees, NewBundle, StoredBundle};
pub use chain::{BlockFacts, Fact};
pub use error::StoreError;
pub use events::{EventKind, EventRow};
pub use jobs::{Commit, JobRow, Owed};
pub use ledger::{Ledger, MinedBundle};
pub use open::Identity;
pub use values::now_millis;

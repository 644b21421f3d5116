//! The job state machine: states, events and the one transition table.
//!
//! A job is what a keeper makes of one purchase. Its facts lie inside its state; [`step`]
//! consumes the state and an event and gives the next state and the work that it owes.
//! Nothing else in the project decides which state follows which: the diagram in the book is
//! rendered from [`TABLE`], and the keeper's store moves jobs by [`step`] alone.

mod data;
mod diagram;
mod event;
mod state;
mod table;

#[cfg(test)]
mod tests;

pub use data::{
    BlockRef, Finished, Intent, Order, Past, Prepared, Purchase, RunRecord, SentOp, Settlement,
    SignedOp, Terms, Work,
};
pub use diagram::render;
pub use event::{Effect, Event, EventKind, SignedData};
pub use state::{Closed, Kind, Running, State, Stuck};
pub use table::{IllegalMove, Move, TABLE, step};

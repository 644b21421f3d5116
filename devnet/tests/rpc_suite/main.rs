//! The chain as its clients see it: real clients against a real server.

mod calls;
mod clients;
mod controls;
mod entry_point;
mod errors;
mod genesis;
mod lifecycle;
mod logs;
mod pool;
mod reorg;
mod stylus;
mod support;
mod tracing;
mod transactions;

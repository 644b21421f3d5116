//! The daemon that turns purchases into runs and runs into settlements.
//!
//! [`Keeper::start`] is the whole of it: chain watcher, outbox, bundler and API around one
//! store. The binary `nexus-keeper` adds only a command line and signals.

pub mod api;
pub mod backoff;
pub mod chain;
pub mod config;
pub mod health;
pub mod image;
pub mod pipeline;
pub mod rpc;
pub mod sandbox;
pub mod settle;
pub mod signer_client;
pub mod store;
pub mod waits;

mod boot;
mod daemon;
mod probe;
mod telemetry;

pub use config::{Config, ConfigError};
pub use daemon::{Info, Keeper};

//! A development chain that runs EVM bytecode and Stylus programs side by side, with JSON-RPC.

pub mod accounts;
pub mod arbos;
pub mod bundler;
pub mod chain;
pub mod config;
pub mod error;
pub mod genesis;
pub mod handle;
mod hashes;
mod interval;
mod node;
pub mod pool;
mod revert;
mod rpc;
pub mod saved;
pub mod state;
pub mod stylus;
pub mod trace;
pub mod tx;
pub mod vm;

pub use accounts::DevAccount;
pub use config::{Config, Limits, Order};
pub use error::Error;
pub use node::Devnet;
pub use stylus::disk::default_folder as code_cache_folder;

//! Typed contract interfaces: ours, generated from the exported ABIs in `abi/`, and the
//! subset of the ERC-4337 EntryPoint v0.8 that the keeper, the CLI and the tests call.
//!
//! The JSON files are the only truth about our ABIs. They are exported from the Rust
//! contracts; a test of the `deployer` crate fails when they drift.

mod contracts;
mod entry_point;

pub use contracts::{AccountFactory, AgentAccount, AgentRegistry};
pub use entry_point::{ENTRY_POINT_V08, IEntryPoint, PackedUserOperation};

/// The exported JSON ABI of the registry.
pub const AGENT_REGISTRY_ABI: &str = include_str!("../abi/AgentRegistry.json");
/// The exported JSON ABI of the smart account.
pub const AGENT_ACCOUNT_ABI: &str = include_str!("../abi/AgentAccount.json");
/// The exported JSON ABI of the account factory.
pub const ACCOUNT_FACTORY_ABI: &str = include_str!("../abi/AccountFactory.json");

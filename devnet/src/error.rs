//! Why a chain cannot start or go on.

use crate::saved::SavedError;
use crate::vm::VmError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Errors of starting and running a chain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting has no meaning.
    #[error("setting {name} = {value} is not valid: {reason}")]
    Config {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be valid.
        reason: &'static str,
    },
    /// The dev accounts cannot be derived.
    #[error("dev accounts cannot be derived from the mnemonic: {0}")]
    Accounts(#[from] alloy::signers::local::LocalSignerError),
    /// The engine cannot be set up or refused a genesis step.
    #[error("execution engine: {0}")]
    Vm(#[from] VmError),
    /// A contract of the genesis block could not be created.
    #[error("genesis: {0}")]
    Genesis(String),
    /// A method was registered twice; a defect of this program.
    #[error("RPC methods: {0}")]
    Methods(#[from] jsonrpsee::core::RegisterMethodError),
    /// The thread of the chain could not be started.
    #[error("the chain's thread could not be started: {0}")]
    Thread(std::io::Error),
    /// A saved chain cannot be brought back.
    #[error("state cannot be loaded from {}: {reason}", path.display())]
    LoadState {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: SavedError,
    },
    /// The chain cannot be saved.
    #[error(
        "state cannot be saved to {}: {reason}; the file is as it was before", path.display()
    )]
    SaveState {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: SavedError,
    },
    /// The chain is shut down, or its thread died.
    #[error("the chain has stopped")]
    Stopped,
}

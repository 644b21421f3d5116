//! Why a transaction could not be executed at all.

use revm::context_interface::result::{InvalidHeader, InvalidTransaction};

/// A transaction that produced no outcome; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The transaction is not acceptable in the present state (nonce, funds, fees, gas).
    #[error("invalid transaction: {0}")]
    Transaction(InvalidTransaction),
    /// The block environment lacks something the fork rules need.
    #[error("invalid block environment: {0}")]
    Header(InvalidHeader),
    /// The database could not answer.
    #[error("state could not be read: {0}")]
    Database(String),
    /// The engine itself failed, for instance the WASM compiler refused a valid module.
    #[error("engine failure: {0}")]
    Engine(String),
}

//! What can go wrong between keeper and chain.

use alloy::primitives::Address;
use alloy::transports::TransportError;

use crate::store::StoreError;

/// A failed look at the chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The node does not answer, or answers with an error.
    #[error("the node failed while {doing}: {reason}")]
    Rpc {
        /// What was being done.
        doing: &'static str,
        /// What the node or the connection said.
        reason: String,
    },
    /// The node is on another chain.
    #[error("the node is on chain {found}, the configuration says {wanted}: check chain.rpc_url")]
    WrongChain {
        /// The node's chain.
        found: u64,
        /// The configured one.
        wanted: u64,
    },
    /// There is no contract where one should be.
    #[error("there is no contract at {address}: check {key}")]
    NoContract {
        /// The empty address.
        address: Address,
        /// The key that names it.
        key: &'static str,
    },
    /// The chain moved between two looks at it; looking again helps.
    #[error("the chain changed meanwhile: {0}")]
    Moved(String),
    /// A reorganisation beyond what is remembered.
    #[error(
        "none of the last {depth} blocks taken in is in the chain any more: the reorganisation is \
         deeper than chain.max_reorg_depth, or the node is on another fork; nothing was changed"
    )]
    DeepReorg {
        /// How many blocks were compared.
        depth: usize,
    },
    /// The store failed while taking in what the chain said.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds to a call what it was for.
pub(crate) trait Doing<T> {
    /// `doing` completes "the node failed while ..".
    fn doing(self, doing: &'static str) -> Result<T, ChainError>;
}

impl<T> Doing<T> for Result<T, TransportError> {
    fn doing(self, doing: &'static str) -> Result<T, ChainError> {
        self.map_err(|error| ChainError::Rpc { doing, reason: error.to_string() })
    }
}

impl<T> Doing<T> for Result<T, alloy::contract::Error> {
    fn doing(self, doing: &'static str) -> Result<T, ChainError> {
        self.map_err(|error| ChainError::Rpc { doing, reason: error.to_string() })
    }
}

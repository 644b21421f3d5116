//! What can go wrong between keeper and chain.

use alloy::primitives::Address;

use crate::{rpc::without_urls, store::StoreError};

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
    /// The account is not the one that the signer can act for.
    #[error("account.address {address} {reason}")]
    WrongAccount {
        /// The account.
        address: Address,
        /// What is wrong with it.
        reason: String,
    },
    /// The chain moved between two looks at it; looking again helps.
    #[error("the chain changed meanwhile: {0}")]
    Moved(String),
    /// Answers of the node that do not fit together, as from a node that is still indexing or
    /// from several nodes behind one address; asking again helps.
    #[error("the node's answers do not fit together: {0}; it is asked again")]
    Doubtful(String),
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

impl<T, E: std::fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, ChainError> {
        self.map_err(|error| ChainError::rpc(doing, &error))
    }
}

impl ChainError {
    /// Whether the same question may have another answer later, without anybody's help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Rpc { .. } | Self::Moved(_) | Self::Doubtful(_))
    }

    /// A failed call; `doing` completes "the node failed while ..".
    ///
    /// Providers put their keys into URLs, and HTTP clients put URLs into their messages: no
    /// URL is let through to logs and health reports.
    pub(crate) fn rpc(doing: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self::Rpc { doing, reason: without_urls(&error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use alloy::transports::http::reqwest;

    use super::*;

    #[tokio::test]
    async fn a_key_in_the_url_never_shows() {
        // Nothing listens on port 1.
        let error = reqwest::get("http://127.0.0.1:1/v2/SECRETKEY?key=SECRET").await.unwrap_err();
        let chain =
            ChainError::rpc("asking", &alloy::transports::TransportErrorKind::custom(error));
        for text in [chain.to_string(), format!("{chain:?}")] {
            assert!(!text.contains("SECRET"), "{text}");
            assert!(text.contains("<url>"), "{text}");
        }
    }
}

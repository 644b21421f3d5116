//! Why an operation is refused, with the codes of ERC-7769.

use crate::chain::{CallError, SubmitError};
use alloy::primitives::Bytes;

/// Why an operation is refused.
#[derive(Debug, thiserror::Error)]
pub enum BundlerError {
    /// It cannot be right, whatever the chain's state is.
    #[error("{0}")]
    Invalid(String),
    /// The EntryPoint refuses it.
    #[error("{reason}{}", crate::revert::reason(.inner))]
    Refused {
        /// Position in the bundle.
        index: usize,
        /// The EntryPoint's words, which begin with a code such as AA23.
        reason: String,
        /// What the account, factory or paymaster reverted with.
        inner: Bytes,
    },
    /// Its call reverts, so that no gas limit can be told.
    #[error("UserOperation reverted during simulation{}", crate::revert::reason(.0))]
    Reverted(Bytes),
    /// The simulation could not run.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The bundle was not accepted by the chain.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl BundlerError {
    /// The code that ERC-7769 gives to it.
    pub fn code(&self) -> i32 {
        match self {
            Self::Invalid(_) => -32602,
            Self::Refused { reason, .. } => refusal_code(reason),
            Self::Reverted(_) => -32521,
            Self::Call(_) | Self::Submit(_) => -32603,
        }
    }

    /// The revert data behind it.
    pub fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Refused { inner: data, .. } | Self::Reverted(data) if !data.is_empty() => {
                Some(data)
            }
            _ => None,
        }
    }
}

fn refusal_code(reason: &str) -> i32 {
    match reason.get(..4) {
        Some("AA22" | "AA32") => -32503,
        Some("AA24" | "AA34") => -32507,
        Some(code) if code.starts_with("AA3") => -32501,
        _ => -32500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_codes_of_the_standard() {
        for (reason, code) in [
            ("AA10 sender already constructed", -32500),
            ("AA21 didn't pay prefund", -32500),
            ("AA22 expired or not due", -32503),
            ("AA24 signature error", -32507),
            ("AA31 paymaster deposit too low", -32501),
            ("AA32 paymaster expired or not due", -32503),
            ("AA34 signature error", -32507),
            ("", -32500),
        ] {
            assert_eq!(refusal_code(reason), code, "{reason}");
        }
    }
}

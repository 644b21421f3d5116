//! Failures a user can act on, and the exit code each of them ends with.

use std::fmt;

use alloy::primitives::TxHash;
use domain::ids::PurchaseId;
use thiserror::Error;

/// Everything went as asked.
pub const OK: u8 = 0;
/// A failure without a code of its own.
pub const GENERAL: u8 = 1;

/// The table printed at the end of `nexus --help`; `docs/src/cli.md` repeats it.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed for a reason not listed here
  2  wrong arguments
  3  refused before anything was sent (input, manifest, price, balance, registry rules)
  4  the run failed and the buyer was refunded
  5  the chain could not be reached, or a transaction failed
  6  a local service (keeper, signer, Docker) could not be reached or refused
  7  a verification failed
  8  waited as long as allowed; the purchase goes on
  9  a transaction was sent, but is not known to be mined: look at its hash, do not repeat it
  130  interrupted";

/// A failure with its own exit code. The text says what failed, which value, what to do.
#[derive(Debug, Error)]
pub enum Failure {
    /// Checked and refused before any transaction was sent.
    #[error("{0}")]
    Refused(String),
    /// The agent ran and failed; the escrow went back to the buyer.
    #[error("{0}")]
    RunFailed(String),
    /// The RPC endpoint or a transaction failed.
    #[error("{0}")]
    Chain(String),
    /// The keeper, the signer or Docker failed.
    #[error("{0}")]
    Service(String),
    /// Something that was to be proven is not true.
    #[error("{0}")]
    Unverified(String),
    /// The time allowed for waiting is over.
    #[error("{0}")]
    TimedOut(String),
    /// A transaction was sent and may be mined, now or later.
    #[error("{0}")]
    Unconfirmed(String),
    /// A signal ended the command.
    #[error("stopped by a signal")]
    Interrupted,
}

impl Failure {
    /// The exit code of the process that ends with this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 3,
            Self::RunFailed(_) => 4,
            Self::Chain(_) => 5,
            Self::Service(_) => 6,
            Self::Unverified(_) => 7,
            Self::TimedOut(_) => 8,
            Self::Unconfirmed(_) => 9,
            Self::Interrupted => 130,
        }
    }

    /// A stable word for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::RunFailed(_) => "runFailed",
            Self::Chain(_) => "chain",
            Self::Service(_) => "service",
            Self::Unverified(_) => "unverified",
            Self::TimedOut(_) => "timedOut",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Names what a command had already sent when it failed. Added to errors as context, so that
/// people and programs find the transaction again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadySent {
    /// The transaction.
    pub transaction: TxHash,
    /// The purchase that it made, if that is known.
    pub purchase_id: Option<PurchaseId>,
}

impl AlreadySent {
    /// A transaction of which no more is known.
    pub fn transaction(transaction: TxHash) -> Self {
        Self { transaction, purchase_id: None }
    }

    /// A transaction that made a purchase.
    pub fn purchase(transaction: TxHash, id: PurchaseId) -> Self {
        Self { transaction, purchase_id: Some(id) }
    }
}

impl fmt::Display for AlreadySent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.purchase_id {
            Some(id) => write!(f, "purchase {id} of transaction {}", self.transaction),
            None => write!(f, "transaction {}", self.transaction),
        }
    }
}

/// Tells whether trying again can help: chain or service failed, nothing was refused or proven.
pub fn is_passing(error: &anyhow::Error) -> bool {
    matches!(of(error), None | Some(Failure::Chain(_) | Failure::Service(_)))
}

/// Finds the failure behind an error, if it has one.
pub fn of(error: &anyhow::Error) -> Option<&Failure> {
    error.chain().find_map(|cause| cause.downcast_ref::<Failure>())
}

/// The exit code for any error of a command.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    of(error).map_or(GENERAL, Failure::exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_code_survives_added_context() {
        let bare: anyhow::Result<()> = Err(Failure::RunFailed("exit code 3".into()).into());
        let error = bare.context("buying agent 1").unwrap_err();
        assert_eq!(exit_code(&error), 4);
        assert_eq!(exit_code(&anyhow::anyhow!("other")), GENERAL);
    }

    #[test]
    fn every_code_is_in_the_printed_table() {
        for failure in [
            Failure::Refused(String::new()),
            Failure::RunFailed(String::new()),
            Failure::Chain(String::new()),
            Failure::Service(String::new()),
            Failure::Unverified(String::new()),
            Failure::TimedOut(String::new()),
            Failure::Unconfirmed(String::new()),
            Failure::Interrupted,
        ] {
            assert!(EXIT_CODES.contains(&format!("\n  {}  ", failure.exit_code())));
        }
    }
}

//! Why a phase did not get through, and whether waiting helps.

use domain::job::Effect;
use domain::wire::RefusalCode;

use crate::chain::ChainError;
use crate::health::{HealthBoard, Part};
use crate::sandbox::SandboxError;
use crate::signer_client::SignerError;
use crate::store::StoreError;
use crate::waits::{Wait, WaitOn};

/// A phase that did not get through.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The engine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Something that time will heal.
    #[error("{0}")]
    Wait(String),
    /// A known thing that is waited for.
    #[error("waits for {}", .0.reason)]
    On(Wait),
    /// Something that only the operator can heal.
    #[error("{0}")]
    Hopeless(String),
}

impl Trouble {
    /// Whether doing the phase again may help, without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Chain(ChainError::Store(error)) | Self::Store(error) => error.is_retryable(),
            Self::Chain(_) | Self::Wait(_) | Self::On(_) => true,
            Self::Signer(error) => error.is_retryable(),
            Self::Sandbox(error) => error.is_retryable(),
            Self::Hopeless(_) => false,
        }
    }

    /// Whether the job moved on while the phase was at work: then there is nothing to do.
    pub const fn is_outdated(&self) -> bool {
        matches!(self, Self::Store(StoreError::Conflict { .. } | StoreError::Closed))
    }

    /// Tells a watcher of the job on what it waits now.
    pub fn to_wait(&self) -> Wait {
        const NOTHING: &str = "nothing: it is tried again";
        if let Self::On(wait) = self {
            return wait.clone();
        }
        let (on, help) = match self {
            Self::Chain(ChainError::Store(_)) | Self::Store(_) => {
                (WaitOn::Store, "free disk space, or end the program that locks the database")
            }
            Self::Chain(ChainError::Rpc { .. }) => {
                (WaitOn::Node, "nothing if the node comes back; else fix chain.rpc_url")
            }
            Self::Chain(_) | Self::Wait(_) | Self::On(_) => (WaitOn::Node, NOTHING),
            Self::Signer(error) => match error.refusal() {
                Some(RefusalCode::BudgetExhausted) => (
                    WaitOn::SignerBudget,
                    "raise daily_budget in the signer's policy, or wait for midnight UTC",
                ),
                Some(RefusalCode::FeeOverCap) => (
                    WaitOn::Fee,
                    "raise max_fee_per_gas in the signer's policy, or wait for cheaper gas",
                ),
                Some(_) => (WaitOn::Signer, NOTHING),
                None => (WaitOn::Signer, "start nexus-signer, or restart it if it hangs"),
            },
            Self::Sandbox(_) => (WaitOn::Engine, "start the Docker Engine, or mend what it says"),
            Self::Hopeless(_) => (WaitOn::Node, "the operator: see the reason"),
        };
        Wait::new(on, self.to_string(), help)
    }

    /// Notes the trouble on the board and in the metrics.
    pub fn note(&self, health: &HealthBoard, effect: Effect) {
        metrics::counter!("nexus_keeper_troubles_total", "phase" => effect.name()).increment(1);
        match self {
            Self::Chain(ChainError::Rpc { .. }) => health.fails(Part::Chain, self),
            Self::Sandbox(SandboxError::Unavailable { .. } | SandboxError::Unsafe { .. }) => {
                health.fails(Part::Docker, self);
            }
            Self::Signer(SignerError::Unreachable { .. }) => health.fails(Part::Signer, self),
            Self::Store(_) | Self::Chain(ChainError::Store(_)) => health.fails(Part::Store, self),
            _ => {}
        }
    }
}

//! Why a phase did not get through, and whether waiting helps.

use domain::job::Effect;

use crate::chain::ChainError;
use crate::health::{HealthBoard, Part};
use crate::sandbox::SandboxError;
use crate::signer_client::SignerError;
use crate::store::StoreError;

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
    /// Something that only the operator can heal.
    #[error("{0}")]
    Hopeless(String),
}

impl Trouble {
    /// Whether doing the phase again may help, without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Chain(ChainError::Store(error)) | Self::Store(error) => error.is_retryable(),
            Self::Chain(_) | Self::Wait(_) => true,
            Self::Signer(error) => error.is_retryable(),
            Self::Sandbox(error) => error.is_retryable(),
            Self::Hopeless(_) => false,
        }
    }

    /// Whether the job moved on while the phase was at work: then there is nothing to do.
    pub const fn is_outdated(&self) -> bool {
        matches!(self, Self::Store(StoreError::Conflict { .. } | StoreError::Closed))
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

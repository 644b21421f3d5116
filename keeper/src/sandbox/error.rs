//! Owns what can go wrong around a run, as opposed to within it.

use bollard::errors::Error as DockerError;

use crate::image::rules::UnfitImage;

/// A run that gave no [`super::RunOutput`].
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not answer.
    #[error("the Docker engine does not answer while {doing}: {source}; start it, the job waits")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the client met.
        #[source]
        source: DockerError,
    },
    /// The engine answered with an error.
    #[error("the Docker engine refused {doing}: {message}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// HTTP status of the engine's answer.
        status: u16,
        /// The engine's message.
        message: String,
    },
    /// The engine cannot protect the host well enough. Nothing was run.
    #[error("this Docker engine cannot run agents safely: {missing}")]
    Unsafe {
        /// What is missing and how to get it.
        missing: String,
    },
    /// The run was ended or changed from outside, by the engine's shutdown or by somebody's
    /// command.
    #[error("the run of job {job} was interrupted from outside by {signal}; it can be run again")]
    Interrupted {
        /// The job.
        job: String,
        /// The signal sent, or what else was done.
        signal: String,
    },
    /// The caller cancelled.
    #[error("the run of job {job} was cancelled; it can be run again")]
    Cancelled {
        /// The job.
        job: String,
    },
    /// The image is here but can never run, or must not.
    #[error("image {image} cannot be run: {reason}")]
    ImageRefused {
        /// The image.
        image: String,
        /// Why.
        reason: UnfitImage,
    },
    /// The run was described wrongly.
    #[error("run of job {job} is described wrongly: {reason}")]
    InvalidSpec {
        /// The job.
        job: String,
        /// What is wrong.
        reason: String,
    },
}

impl SandboxError {
    /// Whether the same run may succeed later without anybody changing it.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Unsafe { .. }
            | Self::Interrupted { .. }
            | Self::Cancelled { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 404 | 409),
            Self::ImageRefused { .. } | Self::InvalidSpec { .. } => false,
        }
    }

    pub(super) fn from_docker(doing: &'static str, error: DockerError) -> Self {
        match error {
            DockerError::DockerResponseServerError { status_code, message } => {
                Self::Refused { doing, status: status_code, message }
            }
            source => Self::Unavailable { doing, source },
        }
    }
}

/// Adds to an engine call what it was for.
pub(super) trait Doing<T> {
    /// `doing` completes "the engine refused ..".
    fn doing(self, doing: &'static str) -> Result<T, SandboxError>;
}

impl<T> Doing<T> for Result<T, DockerError> {
    fn doing(self, doing: &'static str) -> Result<T, SandboxError> {
        self.map_err(|error| SandboxError::from_docker(doing, error))
    }
}

/// Whether the engine said that the thing does not exist.
pub(super) fn is_not_found(error: &DockerError) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code: 404, .. })
}

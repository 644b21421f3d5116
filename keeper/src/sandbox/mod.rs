//! Owns the running of agents: one image, one input, one locked container, one output.

mod error;
mod types;

pub use error::SandboxError;
pub use types::{DockerConfig, Ending, Limits, LogLine, RunOutput, RunSpec, Usage};

//! The agent's manifest: the JSON that a publisher lists, what it promises and how it is checked.

mod check;
mod content;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

pub use content::ContentError;

/// Most bytes of manifest that the registry takes.
pub const MAX_MANIFEST: usize = 8192;

/// A manifest that cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Empty, or more than the registry takes.
    #[error("the manifest has {0} bytes: the registry takes 1 to {MAX_MANIFEST}")]
    Size(usize),
    /// Not the expected JSON.
    #[error("the manifest is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// A field has a value that makes no sense.
    #[error("the manifest's `{field}` {problem}")]
    Field {
        /// The field, as a path from the top.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// An agent as its publisher describes it. The image itself is in the listing, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Short name: lower-case letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// The publisher's own version, such as `1.2.0`.
    pub version: String,
    /// What the agent does, in at most 1,024 bytes.
    pub description: String,
    /// Where the image can be pulled from, without tag or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Arguments given to the image's entry point.
    #[serde(default)]
    pub args: Vec<String>,
    /// What the agent takes.
    pub input: InputSpec,
    /// What the agent gives.
    pub output: OutputSpec,
    /// What a run may use.
    pub limits: Limits,
}

/// What an agent takes on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputSpec {
    /// Such as `text/plain; charset=utf-8`; text and JSON must be UTF-8, JSON must parse.
    pub media_type: String,
    /// Fewest bytes.
    pub min_bytes: u64,
    /// Most bytes.
    pub max_bytes: u64,
}

/// What an agent writes to its standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputSpec {
    /// Text or JSON.
    pub kind: OutputKind,
    /// Most bytes.
    pub max_bytes: u64,
}

/// The kinds of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutputKind {
    /// UTF-8 text.
    Text,
    /// One JSON value.
    Json,
}

/// What a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Wall-clock seconds.
    pub seconds: u32,
    /// Memory (and swap) in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a CPU.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Size of `/tmp` in bytes; 0 for none.
    pub tmp_bytes: u64,
    /// Standard error kept, in bytes.
    pub log_bytes: u64,
}

impl Limits {
    /// The lower of both in every field: a publisher's wish cut to the operator's caps.
    #[must_use]
    pub fn capped(self, cap: &Self) -> Self {
        Self {
            seconds: self.seconds.min(cap.seconds),
            memory_bytes: self.memory_bytes.min(cap.memory_bytes),
            cpu_millis: self.cpu_millis.min(cap.cpu_millis),
            pids: self.pids.min(cap.pids),
            tmp_bytes: self.tmp_bytes.min(cap.tmp_bytes),
            log_bytes: self.log_bytes.min(cap.log_bytes),
        }
    }
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// When it is too large, not the expected JSON (unknown fields included) or inconsistent.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.is_empty() || bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::Size(bytes.len()));
        }
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The compact JSON to publish, checked.
    ///
    /// # Errors
    /// When the manifest is inconsistent or larger than the registry takes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.validate()?;
        let bytes = serde_json::to_vec(self)?;
        if bytes.len() > MAX_MANIFEST { Err(ManifestError::Size(bytes.len())) } else { Ok(bytes) }
    }

    /// `manifestHash` of [`Self::to_bytes`]; a listed manifest's hash is that of its own bytes.
    ///
    /// # Errors
    /// As [`Self::to_bytes`].
    pub fn hash(&self) -> Result<B256, ManifestError> {
        Ok(crate::hash::manifest_hash(&self.to_bytes()?))
    }
}

#[cfg(test)]
mod tests;

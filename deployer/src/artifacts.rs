//! Finished programs on disk: `<name>.wasm`, `<name>.code` and `sizes.json`.

use crate::workspace::{Workspace, WorkspaceError};
use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The programs, in the order of their deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// AgentRegistry's implementation.
    Registry,
    /// AgentAccount's implementation.
    Account,
    /// AccountFactory.
    Factory,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Registry, Self::Account, Self::Factory];

    /// Crate and file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Account => "account",
            Self::Factory => "factory",
        }
    }

    /// The contract's name in its ABI.
    pub fn contract(self) -> &'static str {
        match self {
            Self::Registry => "AgentRegistry",
            Self::Account => "AgentAccount",
            Self::Factory => "AccountFactory",
        }
    }
}

/// A program's sizes, bytes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// The program.
    pub name: String,
    /// The module.
    pub wasm: usize,
    /// What stands on the chain: prefix and compressed module.
    pub code: usize,
}

/// A finished program.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Which.
    pub program: Program,
    /// What stands on the chain: 0xEFF00000 and the compressed module.
    pub code: Bytes,
}

/// Finished programs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// There is no checkout to look in.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}; build the contracts with `nexus contracts build`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not a Stylus program.
    #[error("{0} is not a Stylus program: it does not begin with eff00000")]
    Prefix(PathBuf),
}

/// All finished programs.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// AgentRegistry's implementation.
    pub registry: Artifact,
    /// AgentAccount's implementation.
    pub account: Artifact,
    /// AccountFactory.
    pub factory: Artifact,
}

impl Artifacts {
    /// Reads the programs in `dir`.
    pub fn load(dir: &Path) -> Result<Self, ArtifactsError> {
        let load = |program: Program| {
            let path = dir.join(program.name()).with_extension("code");
            let code = fs::read(&path)
                .map_err(|source| ArtifactsError::Read { path: path.clone(), source })?;
            if !code.starts_with(&crate::build::PREFIX) {
                return Err(ArtifactsError::Prefix(path));
            }
            Ok(Artifact { program, code: code.into() })
        };
        Ok(Self {
            registry: load(Program::Registry)?,
            account: load(Program::Account)?,
            factory: load(Program::Factory)?,
        })
    }
}

/// Where finished programs are: `NEXUS_ARTIFACTS`, else the build's output of the checkout
/// around the current directory.
pub fn artifacts_dir() -> Result<PathBuf, ArtifactsError> {
    if let Some(dir) = env::var_os("NEXUS_ARTIFACTS") {
        return Ok(dir.into());
    }
    Ok(Workspace::find()?.output())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_program_is_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let missing = Artifacts::load(dir.path()).expect_err("empty folder").to_string();
        assert!(missing.contains("registry.code") && missing.contains("nexus contracts build"));
        fs::write(dir.path().join("registry.code"), b"\0asm").expect("write");
        assert!(matches!(Artifacts::load(dir.path()), Err(ArtifactsError::Prefix(_))));
    }
}

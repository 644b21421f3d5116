//! Where the sources, the tools and the build's output are.

use std::env;
use std::path::{Path, PathBuf};

/// The checkout could not be found.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The current directory cannot be read.
    #[error("the current directory cannot be read: {0}")]
    CurrentDir(#[from] std::io::Error),
    /// No folder from here upward has the contracts' sources.
    #[error(
        "no folder from {0} upward contains contracts-rs; run this inside a checkout, or set \
         NEXUS_ARTIFACTS to a folder with built contracts"
    )]
    NotFound(PathBuf),
}

/// A checkout of the project.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout around the current directory.
    pub fn find() -> Result<Self, WorkspaceError> {
        let here = env::current_dir()?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("contracts-rs/Cargo.toml").is_file())
            .ok_or_else(|| WorkspaceError::NotFound(here.clone()))?;
        Ok(Self::at(root))
    }

    /// The checkout at `root`, with cargo's target directory as the environment has it.
    pub fn at(root: &Path) -> Self {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self { root: root.to_owned(), target: root.join(target) }
    }

    /// The folder with the root `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The contracts' own cargo workspace.
    pub fn contracts(&self) -> PathBuf {
        self.root.join("contracts-rs")
    }

    /// The exported ABIs.
    pub fn abi(&self) -> PathBuf {
        self.root.join("bindings/abi")
    }

    /// Finished bytecode.
    pub fn output(&self) -> PathBuf {
        self.target.join("contracts")
    }

    /// Cargo's target directory for the contracts' workspace.
    pub fn contracts_target(&self) -> PathBuf {
        self.target.join("contracts-build")
    }

    /// A tool or package that npm has installed by the lock file.
    pub fn node_module(&self, path: &str) -> PathBuf {
        self.root.join("scripts/node/node_modules").join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_found_from_within() {
        let workspace = Workspace::find().expect("tests run inside it");
        assert!(workspace.contracts().join("registry/src/lib.rs").is_file());
        assert!(workspace.output().starts_with(workspace.target.clone()));
    }
}

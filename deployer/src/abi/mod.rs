//! Exports the ABIs from the Rust sources: functions from the router that the SDK
//! generates, structs, events and errors from the `sol!` blocks. The Solidity compiler
//! turns the two into JSON, so that nothing is written by hand.

mod interface;
mod solc;

pub use interface::InterfaceError;
pub use solc::SolcError;

use crate::artifacts::Program;
use crate::command::{self, CommandError};
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

/// An ABI could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum AbiError {
    /// The program's own export failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// What the program declares and what its router uses do not fit together.
    #[error("{program}: {source}")]
    Interface {
        /// The program.
        program: &'static str,
        /// What does not fit.
        source: InterfaceError,
    },
    /// The Solidity compiler refused the interface.
    #[error(transparent)]
    Solc(#[from] SolcError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One exported ABI.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Whose.
    pub program: Program,
    /// Pretty JSON, entries in a fixed order.
    pub json: String,
}

impl Exported {
    /// Where it is kept.
    pub fn path(&self, workspace: &Workspace) -> PathBuf {
        workspace.abi().join(self.program.contract()).with_extension("json")
    }
}

/// The ABIs of all programs, from their sources.
pub fn export(workspace: &Workspace) -> Result<Vec<Exported>, AbiError> {
    Program::ALL.into_iter().map(|program| export_one(workspace, program)).collect()
}

/// Exports all ABIs to `bindings/abi`.
pub fn write(workspace: &Workspace) -> Result<(), AbiError> {
    for exported in export(workspace)? {
        let path = exported.path(workspace);
        fs::write(&path, &exported.json).map_err(|source| AbiError::File { path, source })?;
    }
    Ok(())
}

fn export_one(workspace: &Workspace, program: Program) -> Result<Exported, AbiError> {
    let router = router(workspace, program)?;
    let declared = declared(workspace, program)?;
    let source = interface::solidity(program.contract(), &router, &declared)
        .map_err(|source| AbiError::Interface { program: program.name(), source })?;
    let json = solc::abi(workspace, program.contract(), &source)?;
    Ok(Exported { program, json })
}

/// The interface that the SDK prints.
fn router(workspace: &Workspace, program: Program) -> Result<String, AbiError> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["run", "--quiet", "--locked", "--features", "export-abi"])
        .args(["--package", program.name(), "--bin", &format!("{}-abi", program.name())])
        .current_dir(workspace.contracts())
        .env("CARGO_TARGET_DIR", workspace.contracts_target());
    let text = command::run(&mut cargo, b"")?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The program's source files that declare parts of its ABI, joined.
fn declared(workspace: &Workspace, program: Program) -> Result<String, AbiError> {
    let folder = workspace.contracts().join(program.name()).join("src");
    let mut text = String::new();
    for name in ["types.rs", "events.rs", "errors.rs", "lib.rs"] {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(content) => text.push_str(&content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(AbiError::File { path, source }),
        }
    }
    Ok(text)
}

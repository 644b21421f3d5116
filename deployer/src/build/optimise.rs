//! Binaryen's part: about a quarter of the bytes go.

use super::BuildError;
use crate::command;
use crate::workspace::Workspace;
use std::fs;
use std::process::Command;

const FLAGS: &[&str] = &[
    "-Oz",
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    "--output",
    "-",
];

/// What the stamp must change with: flags and the tool's version.
pub fn fingerprint(workspace: &Workspace) -> Result<String, BuildError> {
    let path = workspace.node_module("binaryen/package.json");
    let package = fs::read_to_string(&path).map_err(BuildError::file(&path))?;
    let version = package.lines().find(|line| line.contains("\"version\"")).unwrap_or_default();
    Ok(format!("{FLAGS:?}{}", version.trim()))
}

/// A smaller module that does the same.
pub fn optimise(workspace: &Workspace, wasm: &[u8]) -> Result<Vec<u8>, BuildError> {
    let folder = workspace.contracts_target();
    let path = folder.join("unoptimised.wasm");
    fs::write(&path, wasm).map_err(BuildError::file(&path))?;
    let mut tool = Command::new(workspace.node_module(".bin/wasm-opt"));
    tool.arg(&path).args(FLAGS);
    Ok(command::run(&mut tool, b"")?)
}

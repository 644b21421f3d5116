//! Whether the output on disk is what a build would make: a hash over sources, tools and
//! flags, and over the files that were made.

use super::toolchain::Toolchain;
use super::{BuildError, compile, optimise};
use crate::artifacts::{Program, Size};
use crate::workspace::Workspace;
use alloy::primitives::{B256, Keccak256, keccak256};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// `sizes.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    stamp: B256,
    programs: Vec<Size>,
    code_hashes: Vec<B256>,
}

/// The hash of everything that the output depends on.
pub fn of(workspace: &Workspace, toolchain: &Toolchain) -> Result<B256, BuildError> {
    let mut hash = Keccak256::new();
    hash.update(&toolchain.version);
    hash.update(compile::fingerprint());
    hash.update(optimise::fingerprint(workspace)?);
    hash.update(env!("CARGO_PKG_VERSION"));
    for path in sources(&workspace.contracts())? {
        let content = fs::read(&path).map_err(BuildError::file(&path))?;
        let name = path.strip_prefix(workspace.contracts()).unwrap_or(&path);
        hash.update(name.to_string_lossy().as_bytes());
        hash.update(keccak256(content));
    }
    Ok(hash.finalize())
}

/// Every manifest, the lock file and every Rust file, in a fixed order.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut files = Vec::new();
    let entries = folder.read_dir().map_err(BuildError::file(folder))?;
    for entry in entries {
        let path = entry.map_err(BuildError::file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" {
            files.extend(sources(&path)?);
        } else if ["rs", "toml", "lock"].iter().any(|kind| name.ends_with(&format!(".{kind}"))) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The recorded sizes, if the output was made with this stamp and is still there.
pub fn up_to_date(output: &Path, stamp: &B256) -> Option<Vec<Size>> {
    let record: Record = serde_json::from_slice(&fs::read(output.join("sizes.json")).ok()?).ok()?;
    let current = record.stamp == *stamp && code_hashes(output).ok()? == record.code_hashes;
    current.then_some(record.programs)
}

/// Writes `sizes.json`.
pub fn record(output: &Path, stamp: &B256, sizes: &[Size]) -> Result<(), BuildError> {
    let path = output.join("sizes.json");
    let record = Record {
        stamp: *stamp,
        programs: sizes.to_vec(),
        code_hashes: code_hashes(output).map_err(BuildError::file(&path))?,
    };
    let json = serde_json::to_vec_pretty(&record)
        .map_err(|error| BuildError::file(&path)(error.into()))?;
    fs::write(&path, json).map_err(BuildError::file(&path))
}

fn code_hashes(output: &Path) -> std::io::Result<Vec<B256>> {
    let files = Program::ALL.iter().flat_map(|program| {
        ["wasm", "code"].map(|extension| output.join(program.name()).with_extension(extension))
    });
    files.map(|path| fs::read(path).map(keccak256)).collect()
}

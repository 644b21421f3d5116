//! Finds a compiler that can build the standard library for WASM.
//!
//! A WASM target need not be installed: `-Zbuild-std` makes one from the sources. These
//! come with rustup's `rust-src` or, where rustup cannot download it, with Debian's
//! `rust-web-src`. Both need `RUSTC_BOOTSTRAP=1`.

use crate::command::{self, CommandError};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No usable compiler.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No compiler has its library's sources.
    #[error(
        "no Rust toolchain with the standard library's sources was found (looked in: {0}); \
         run scripts/setup, or `rustup component add rust-src`"
    )]
    NoSources(String),
    /// No linker for WASM.
    #[error("no rust-lld was found in {0}; run scripts/setup")]
    NoLinker(PathBuf),
    /// A compiler was found but does not run.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// The tools that make WASM.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The build tool.
    pub cargo: PathBuf,
    /// The compiler.
    pub rustc: PathBuf,
    /// The linker.
    pub linker: PathBuf,
    /// Where the standard library's sources are.
    pub sources: PathBuf,
    /// The compiler's full version, which goes into the stamp.
    pub version: String,
}

impl Toolchain {
    /// The project's rustup toolchain if it has the sources, else the system's.
    pub fn find(workspace: &Workspace) -> Result<Self, ToolchainError> {
        let mut pinned = Command::new("rustc");
        pinned.current_dir(workspace.root()).env_remove("RUSTC");
        let pinned = sysroot(&mut pinned).ok();
        let system = sysroot(&mut Command::new("/usr/bin/rustc")).ok();
        let found: Vec<_> = pinned.iter().chain(&system).cloned().collect();
        let usable = found.iter().find(|root| sources(root).is_dir()).ok_or_else(|| {
            let looked: Vec<_> = found.iter().map(|root| root.display().to_string()).collect();
            ToolchainError::NoSources(looked.join(", "))
        })?;
        let linker = found
            .iter()
            .find_map(|root| linker(root))
            .ok_or_else(|| ToolchainError::NoLinker(usable.clone()))?;
        let rustc = usable.join("bin/rustc");
        let version = command::run(Command::new(&rustc).arg("-vV"), b"")?;
        Ok(Self {
            cargo: usable.join("bin/cargo"),
            rustc,
            linker,
            sources: usable.join("lib/rustlib/src/rust"),
            version: String::from_utf8_lossy(&version).into_owned(),
        })
    }
}

fn sysroot(rustc: &mut Command) -> Result<PathBuf, CommandError> {
    let path = command::run(rustc.args(["--print", "sysroot"]), b"")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&path).trim()))
}

fn sources(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library/std")
}

fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = sysroot.join("lib/rustlib").read_dir().ok()?;
    hosts
        .filter_map(Result::ok)
        .map(|host| host.path().join("bin/rust-lld"))
        .find(|lld| lld.is_file())
}

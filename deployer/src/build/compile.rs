//! Cargo's part: one program to WASM, standard library included.

use super::BuildError;
use super::toolchain::Toolchain;
use crate::artifacts::Program;
use crate::command;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";

/// Stylus takes the first WASM version plus sign extension and bulk copies; a copied byte
/// costs a fifth of what a copying loop costs. 32 KiB of stack keep a program in one or
/// two memory pages: the linker's default of 1 MiB would cost 15,000 gas a call.
const FLAGS: &[&str] = &[
    "-Ctarget-cpu=mvp",
    "-Ctarget-feature=+bulk-memory,+bulk-memory-opt,+mutable-globals,+sign-ext",
    "-Clink-arg=-zstack-size=32768",
];

/// What the stamp must change with.
pub fn fingerprint() -> String {
    format!("{FLAGS:?}{:?}", arguments(Program::Registry))
}

/// The bytes that the compiler makes of `program`.
pub fn compile(
    workspace: &Workspace,
    toolchain: &Toolchain,
    program: Program,
) -> Result<Vec<u8>, BuildError> {
    let target_dir = workspace.contracts_target();
    let mut cargo = Command::new(&toolchain.cargo);
    cargo
        .args(arguments(program))
        .current_dir(workspace.contracts())
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace, toolchain).join("\u{1f}"))
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1");
    // Set by an outer cargo or by the user; they would change the compiler or its output.
    for name in
        ["RUSTFLAGS", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO"]
    {
        cargo.env_remove(name);
    }
    command::run(&mut cargo, b"")?;
    let path = target_dir.join(TARGET).join("release").join(program.name()).with_extension("wasm");
    fs::read(&path).map_err(BuildError::file(&path))
}

/// One program at a time: together they would share the union of their dependencies'
/// features.
fn arguments(program: Program) -> Vec<&'static str> {
    vec![
        "build",
        "--release",
        "--lib",
        "--locked",
        "--target",
        TARGET,
        "-Zbuild-std=std,panic_abort",
        "-Zpanic-immediate-abort",
        "--config",
        "profile.release.panic=\"immediate-abort\"",
        "--package",
        program.name(),
    ]
}

/// Paths of this machine are replaced, so that every machine makes the same bytes.
fn flags(workspace: &Workspace, toolchain: &Toolchain) -> Vec<String> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let remapped = [
        (Some(workspace.contracts()), "/contracts"),
        (home, "/cargo"),
        (Some(toolchain.sources.clone()), "/rust"),
    ];
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    flags.push(format!("-Clinker={}", toolchain.linker.display()));
    for (from, to) in remapped {
        if let Some(from) = from {
            flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        }
    }
    flags
}

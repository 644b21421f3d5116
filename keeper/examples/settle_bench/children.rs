//! The two processes that are measured.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use alloy::primitives::Address;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A process that ends with this handle.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The addresses of the signer's keys.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Keys {
    pub owner: Address,
    pub bundler: Address,
}

/// Has the signer make two keys in `folder`.
pub fn create_keys(bin_dir: &Path, folder: &Path) -> Result<Keys> {
    std::fs::write(folder.join("password"), "a benchmark has no secrets")?;
    let output = Command::new(bin_dir.join("nexus-signer"))
        .args(["init", "--json", "--fast-kdf", "--dir"])
        .arg(folder.join("keys"))
        .arg("--password-file")
        .arg(folder.join("password"))
        .output()
        .with_context(|| format!("starting nexus-signer in {}", bin_dir.display()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "nexus-signer made no keys: {error}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Starts the signer; gives its socket once it is there.
pub fn start_signer(bin_dir: &Path, folder: &Path, policy: &str) -> Result<(Process, PathBuf)> {
    let socket = folder.join("run").join("signer.sock");
    let config = format!(
        "keystore = \"keys\"\njournal = \"journal.db\"\n[socket]\npath = {socket:?}\n[policy]\n{policy}"
    );
    let file = folder.join("signer.toml");
    std::fs::write(&file, config)?;
    let child = Command::new(bin_dir.join("nexus-signer"))
        .args(["run", "--config"])
        .arg(file)
        .arg("--password-file")
        .arg(folder.join("password"))
        .env("RUST_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .context("starting nexus-signer")?;
    Ok((Process(child), socket))
}

/// Starts the keeper; it waits for the signer by itself.
pub fn start_keeper(bin_dir: &Path, folder: &Path, config: &str) -> Result<Process> {
    let file = folder.join("keeper.toml");
    std::fs::write(&file, config)?;
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into());
    let child = Command::new(bin_dir.join("nexus-keeper"))
        .args(["run", "--config"])
        .arg(file)
        .env("RUST_LOG", level)
        .stdout(Stdio::null())
        .spawn()
        .context("starting nexus-keeper")?;
    Ok(Process(child))
}

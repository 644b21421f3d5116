//! The real signer process, with keys of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use alloy::primitives::Address;
use serde::Deserialize;

use super::wait::until;

/// A running `nexus-signer`.
pub struct Signer {
    pub socket: PathBuf,
    child: Child,
}

/// The addresses of its keys.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Keys {
    pub owner: Address,
    pub bundler: Address,
}

/// What it may sign.
pub struct Policy {
    pub chain_id: u64,
    pub account: Address,
    pub registry: Address,
}

/// The program, built once per test process; nothing to do if the workspace is built.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--workspace", "--bin", "nexus-signer"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo starts");
        assert!(status.success(), "nexus-signer does not build");
        let keeper = Path::new(env!("CARGO_BIN_EXE_nexus-keeper"));
        keeper.with_file_name("nexus-signer")
    })
}

/// Makes two keys in `folder`.
pub fn create_keys(folder: &Path) -> Keys {
    std::fs::write(folder.join("password"), "not a secret in a test").expect("a file");
    let output = Command::new(program())
        .args(["init", "--json", "--fast-kdf", "--dir"])
        .arg(folder.join("keys"))
        .arg("--password-file")
        .arg(folder.join("password"))
        .output()
        .expect("the signer starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).expect("two addresses")
}

impl Signer {
    /// Starts it on the keys in `folder` and waits until its socket is there.
    pub async fn start(folder: &Path, policy: &Policy) -> Self {
        let socket = folder.join("run").join("signer.sock");
        let config = format!(
            "keystore = \"keys\"\njournal = \"journal.db\"\n[socket]\npath = {:?}\n[policy]\n\
             chain_id = {}\naccount = \"{}\"\nregistry = \"{}\"\nmax_operation_gas = 10000000\n\
             max_bundle_gas = 32000000\nmax_fee_per_gas = \"10000000000\"\n\
             daily_budget = \"10000000000000000000\"\n",
            socket, policy.chain_id, policy.account, policy.registry
        );
        std::fs::write(folder.join("signer.toml"), config).expect("a file");
        let child = Command::new(program())
            .args(["run", "--config"])
            .arg(folder.join("signer.toml"))
            .arg("--password-file")
            .arg(folder.join("password"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the signer starts");
        let signer = Self { socket, child };
        let path = signer.socket.clone();
        until("the signer's socket", || {
            let path = path.clone();
            async move { tokio::net::UnixStream::connect(path).await.ok() }
        })
        .await;
        signer
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

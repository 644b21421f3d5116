//! The installed binary: keystore, configuration, serving, dying and coming back.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use alloy_primitives::Address;
use domain::wire::{Request, Response, SignerCaps, read_frame, write_frame};

use crate::fixture::*;

pub const PASSWORD: &str = "correct horse battery staple";

/// A directory with a keystore and a configuration.
pub struct Installation {
    pub directory: tempfile::TempDir,
    pub owner: Address,
    pub bundler: Address,
}

pub fn signer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-signer"));
    command.args(arguments).env_remove("CREDENTIALS_DIRECTORY").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Installation {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let mut this = Self { directory, owner: Address::ZERO, bundler: Address::ZERO };
        let output = this.init(&[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let addresses: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let address = |name: &str| addresses[name].as_str().unwrap().parse().unwrap();
        (this.owner, this.bundler) = (address("owner"), address("bundler"));
        std::fs::write(this.path("signer.toml"), CONFIG).unwrap();
        this
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn init(&self, more: &[&str]) -> Output {
        let (keys, password) = (self.path("keys"), self.path("password"));
        signer(&["init", "--fast-kdf", "--json", "--dir"])
            .arg(keys)
            .arg("--password-file")
            .arg(password)
            .args(more)
            .output()
            .unwrap()
    }

    pub fn run(&self) -> Process {
        let mut child = signer(&["run", "--config"])
            .arg(self.path("signer.toml"))
            .arg("--password-file")
            .arg(self.path("password"))
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("listening") {
            assert_ne!(log.read_line(&mut lines).unwrap(), 0, "{lines}");
        }
        Process { child, log, lines, socket: self.path("run/signer.sock") }
    }
}

const CONFIG: &str = r#"
keystore = "keys"
journal = "journal.db"
[socket]
path = "run/signer.sock"
[policy]
chain_id = 412346
account = "0x1111111111111111111111111111111111111111"
registry = "0x2222222222222222222222222222222222222222"
max_operation_gas = 1_000_000
max_bundle_gas = 2_000_000
max_fee_per_gas = "10 gwei"
daily_budget = "1 ether"
"#;

/// A running signer; killed when dropped.
pub struct Process {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    lines: String,
    socket: PathBuf,
}

impl Process {
    pub fn ask(&self, request: &Request) -> Response {
        ask(&self.socket, request)
    }

    /// Kills without warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks to stop; returns the exit code, everything logged and everything printed.
    pub fn terminate(mut self) -> (Option<i32>, String, String) {
        let id = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut log = std::mem::take(&mut self.lines);
        self.log.read_to_string(&mut log).unwrap();
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        (self.child.wait().unwrap().code(), log, printed)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn ask(socket: &Path, request: &Request) -> Response {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write_frame(&mut stream, request).unwrap();
    read_frame(&mut stream).unwrap().unwrap()
}

#[test]
fn it_serves_and_stops_cleanly() {
    let installation = Installation::new();
    let process = installation.run();
    let caps = SignerCaps {
        max_fee_per_gas: 10_000_000_000,
        max_operation_gas: 1_000_000,
        max_bundle_gas: 2_000_000,
    };
    let (owner, bundler) = (installation.owner, installation.bundler);
    let info = Response::Info { owner, bundler, caps: Some(caps) };
    assert_eq!(process.ask(&Request::Info), info);
    let (code, log, printed) = process.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(printed, "");
    assert!(!installation.path("run/signer.sock").exists());
}

#[test]
fn killed_at_any_time_it_gives_the_same_answer_afterwards() {
    let installation = Installation::new();
    let process = installation.run();
    let request = Request::SignUserOperation(settle_operation(7, GWEI));
    let answer = process.ask(&request);
    outcome(&answer).unwrap();
    process.kill();
    // The socket file is still there; the next one takes its place.
    let process = installation.run();
    assert_eq!(process.ask(&request), answer);
    // Killed with a request under way: whatever was recorded, the answer is the same.
    let request = Request::SignUserOperation(settle_operation(8, GWEI));
    let mut stream = UnixStream::connect(&process.socket).unwrap();
    write_frame(&mut stream, &request).unwrap();
    process.kill();
    let process = installation.run();
    let answer = process.ask(&request);
    outcome(&answer).unwrap();
    assert_eq!(process.ask(&request), answer);
}

#[test]
fn core_dumps_and_debuggers_are_shut_out() {
    let installation = Installation::new();
    let process = installation.run();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.child.id()));
    // Not dumpable: /proc belongs to root, and a test that is not root cannot even look.
    let Ok(limits) = limits else { return };
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let fields: Vec<_> = core.split_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"], "{core}");
}

#[test]
fn addresses_need_no_password() {
    let installation = Installation::new();
    let output = signer(&["address", "--dir"]).arg(installation.path("keys")).output().unwrap();
    let printed = text(&output.stdout);
    assert!(printed.contains(&installation.owner.to_string()), "{printed}");
    assert!(printed.contains(&installation.bundler.to_string()), "{printed}");
}

#[test]
fn keys_are_imported_and_never_overwritten() {
    let installation = Installation::new();
    let output = installation.init(&[]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("never overwritten"), "{}", text(&output.stderr));
    std::fs::remove_dir_all(installation.path("keys")).unwrap();
    let file = installation.path("imported");
    std::fs::write(&file, "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n")
        .unwrap();
    let output = installation.init(&["--import-owner", file.to_str().unwrap()]);
    assert!(
        text(&output.stdout).contains("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
            || text(&output.stdout).contains("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    );
}

#[test]
fn a_password_comes_from_a_descriptor_or_a_credential_too() {
    let installation = Installation::new();
    let keys = installation.path("more-keys");
    let file = std::fs::File::open(installation.path("password")).unwrap();
    let status = signer(&["init", "--fast-kdf", "--password-fd", "0", "--dir"])
        .arg(&keys)
        .stdin(file)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let credentials = installation.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::copy(installation.path("password"), credentials.join(signer::password::CREDENTIAL))
        .unwrap();
    let output = signer(&["init", "--fast-kdf", "--dir"])
        .arg(installation.path("yet-more-keys"))
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn mistakes_are_explained() {
    let installation = Installation::new();
    let check = |path: &Path| signer(&["check-config", "--config"]).arg(path).output().unwrap();
    let good = check(&installation.path("signer.toml"));
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains("settle at"), "{}", text(&good.stdout));
    let bad = installation.path("bad.toml");
    std::fs::write(&bad, CONFIG.replace("chain_id", "chian_id")).unwrap();
    let output = check(&bad);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("chian_id"), "{}", text(&output.stderr));
    let output =
        signer(&["run", "--config"]).arg(installation.path("signer.toml")).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("--password-file"), "{}", text(&output.stderr));
}

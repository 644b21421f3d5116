//! Running the binary, and a network to run it against.
#![allow(dead_code, missing_docs)]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use cli::ready::ReadyFile;
use tempfile::TempDir;

/// How long a network may take to be ready; building contracts included.
const READY: Duration = Duration::from_secs(300);
const STOPPED: Duration = Duration::from_secs(60);

/// The root of the project's sources.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The binary, without the caller's environment getting in its way.
pub fn nexus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
    for name in ["RPC_URL", "API_URL", "DEPLOYMENT", "READY_FILE", "PRIVATE_KEY", "LOG"] {
        command.env_remove(format!("NEXUS_{name}"));
    }
    // No network of the user is to be found, and none is to find what tests leave.
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("state");
    command.env("XDG_STATE_HOME", state).stdin(Stdio::null());
    command
}

/// Gives a command a state folder of its own.
pub fn with_state(mut command: Command, state: Option<&Path>) -> Command {
    if let Some(state) = state {
        command.env("XDG_STATE_HOME", state);
    }
    command
}

/// The folder and the program of a fixture agent.
pub fn fixture(name: &str) -> (String, String) {
    let folder = root().join("test-fixtures/agents").join(name).display().to_string();
    let target = Path::new(env!("CARGO_BIN_EXE_nexus")).ancestors().nth(2).unwrap();
    let program = target.join("agents/release").join(name);
    assert!(program.exists(), "{} is missing: run scripts/build", program.display());
    (folder, program.display().to_string())
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    nexus().args(arguments).output().unwrap()
}

/// What a finished process wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A network started by `nexus dev`, stopped at the end of the test.
pub struct Network {
    child: Option<Child>,
    folder: TempDir,
    state: Option<PathBuf>,
    pub ready: ReadyFile,
}

impl Network {
    /// Starts one and waits for its ready file.
    pub fn start() -> Self {
        Self::start_in(None)
    }

    /// Starts one with a state folder of its own.
    pub fn start_in(state: Option<PathBuf>) -> Self {
        Self::start_with(state, &[])
    }

    /// Starts one whose programs have more in their environment.
    pub fn start_with(state: Option<PathBuf>, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ready.json");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = with_state(nexus(), state.as_deref())
            .current_dir(root())
            .envs(environment.iter().copied())
            .args(["dev", "--ready-file"])
            .arg(&file)
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stderr(log)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + READY;
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        while !file.exists() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("nexus dev ended with {status}:\n{}", log());
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("nexus dev was not ready in time:\n{}", log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let ready = ReadyFile::read(&file).unwrap();
        Self { child: Some(child), folder, state, ready }
    }

    /// A folder for the test's own files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the test.
    pub fn write(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs a command against this network.
    pub fn nexus(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A command against this network.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = with_state(nexus(), self.state.as_deref());
        command.arg("--ready-file").arg(self.path("ready.json")).args(arguments);
        command
    }

    /// Kills it, so that it cannot clean up.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let output = self.nexus(&all);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Process ids of the network's children.
    pub fn children(&self) -> Vec<u32> {
        let id = self.child.as_ref().unwrap().id();
        // Each thread lists the children that it started.
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
        let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")));
        let all: Vec<String> = lists.flatten().collect();
        all.iter()
            .flat_map(|list| list.split_whitespace())
            .map(|pid| pid.parse().unwrap())
            .collect()
    }

    /// Asks it to stop, and waits until it has. Gives its exit code and its log.
    pub fn stop(self) -> (Option<i32>, String) {
        terminate(self.child.as_ref().unwrap());
        self.ended()
    }

    /// Waits until it has ended by itself. Gives its exit code and its log.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + STOPPED;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("nexus dev did not stop in time");
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let log = std::fs::read_to_string(self.path("log")).unwrap();
        assert!(!self.path("ready.json").exists(), "the ready file is still there");
        assert!(!self.path("data").exists(), "the data folder is still there");
        (status.code(), log)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            terminate(&child);
            let _ = child.wait();
        }
    }
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
}

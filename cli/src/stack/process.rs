//! A child process of the local network: started, watched, its lines shown, stopped.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::{failure::Failure, output::Output};

/// How many of its last lines a dead child is reported with.
const TAIL: usize = 12;
/// The longest line kept, in bytes.
const LINE_CAP: usize = 4096;

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    tail: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// Finds a program of ours: it is built into the same folder as `nexus`.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding the folder of the nexus program")?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let path = folder.join(name);
    anyhow::ensure!(
        path.is_file(),
        "{name} is not beside {}: build everything with `cargo build --workspace --bins`, or \
         install the programs into one folder",
        own.display()
    );
    Ok(path)
}

/// A command for a program that is ended when this process ends, even if it is killed and
/// can stop nothing itself. That takes util-linux; without it the program is started plainly.
pub fn bound(program: &Path) -> Command {
    let Some(setpriv) = in_path("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

impl Process {
    /// Starts a program in a process group of its own, so that Ctrl-C reaches only `nexus`,
    /// which then stops its children in order.
    pub fn spawn(
        name: &'static str,
        command: &mut Command,
        show: Option<Output>,
    ) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("NO_COLOR", "1")
            .env("RUST_LIB_BACKTRACE", "0")
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting the {name}"))?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(copy_lines(stdout, name, tail.clone(), show)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(copy_lines(stderr, name, tail.clone(), show)));
        }
        Ok(Self { name, child, tail, readers })
    }

    /// Waits for the child's end, which is a failure as long as nobody stopped it.
    pub async fn died(&mut self) -> anyhow::Error {
        let status = self.child.wait().await;
        for reader in self.readers.drain(..) {
            let _ = timeout(Duration::from_secs(1), reader).await;
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.failure(&format!("stopped by itself ({status})"))
    }

    /// The failure of a child that is not healthy in time.
    pub fn late(&self, allowed: Duration) -> anyhow::Error {
        self.failure(&format!("was not healthy after {} s", allowed.as_secs()))
    }

    fn failure(&self, what: &str) -> anyhow::Error {
        Failure::Service(format!("the {} {what}; {}", self.name, self.last_lines())).into()
    }

    /// The last lines that the child wrote.
    pub fn last_lines(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = tail.iter().map(|line| format!("  {line}")).collect();
        format!("last lines of the {}:\n{}", self.name, lines.join("\n"))
    }

    /// Asks the child to end, and ends it when it does not within `grace`.
    pub async fn stop(mut self, grace: Duration) {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
            let _ = kill_process(pid, Signal::TERM);
            if timeout(grace, self.child.wait()).await.is_err() {
                let _ = self.child.kill().await;
            }
        }
        for reader in self.readers.drain(..) {
            let _ = timeout(Duration::from_secs(1), reader).await;
        }
    }
}

/// The line without the time stamp that begins it: it is shown as it is written.
fn without_time(line: &str) -> &str {
    match line.split_once(char::is_whitespace) {
        Some((time, rest)) if time.len() >= 20 && time.ends_with('Z') && time.contains('T') => {
            rest.trim_start()
        }
        _ => line,
    }
}

async fn copy_lines(
    from: impl AsyncRead + Unpin,
    name: &'static str,
    tail: Arc<Mutex<VecDeque<String>>>,
    show: Option<Output>,
) {
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        bytes.truncate(LINE_CAP);
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if let Some(out) = show {
            out.component(name, without_time(&line));
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn("shell", Command::new("sh").args(["-c", script]), None).unwrap()
    }

    #[test]
    fn only_time_stamps_are_taken_off() {
        assert_eq!(without_time("2026-11-22T09:30:42.060827Z  INFO ready"), "INFO ready");
        assert_eq!(without_time("agent says: hello"), "agent says: hello");
        assert_eq!(without_time(""), "");
    }

    #[tokio::test]
    async fn a_dead_child_is_reported_with_its_last_lines() {
        let mut process = shell("for i in $(seq 20); do echo line $i; done; echo oops >&2; exit 7");
        let text = process.died().await.to_string();
        assert!(text.contains("exit status: 7") && text.contains("line 20"), "{text}");
        assert!(!text.contains("line 1\n"), "only the tail: {text}");
    }

    #[tokio::test]
    async fn a_stubborn_child_is_killed_after_the_grace() {
        let process = shell("trap '' TERM; while :; do sleep 0.1; done");
        let pid = Pid::from_raw(process.child.id().unwrap().try_into().unwrap()).unwrap();
        process.stop(Duration::from_millis(300)).await;
        assert!(rustix::process::test_kill_process(pid).is_err(), "still running");
    }
}

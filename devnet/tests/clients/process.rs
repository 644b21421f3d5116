//! Programs from npm: where they are, and running them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Nothing that a test waits for takes longer.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A path below the repository's root.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run scripts/setup --tests", path.display());
    path
}

/// A file that the clients' npm packages install.
pub fn client(path: &str) -> PathBuf {
    installed(repository("test-fixtures/clients/node_modules").join(path))
}

/// A file that the build tools' npm packages install.
pub fn tool(path: &str) -> PathBuf {
    installed(repository("scripts/node/node_modules").join(path))
}

/// The result of something that must not take long.
pub async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("nothing came within the deadline")
}

/// Runs a program to its end, with an input; it must succeed.
pub async fn run(command: &mut Command, input: &[u8]) -> String {
    let output = finish(command, input).await;
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program to its end, with an input.
pub async fn finish(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input).await.unwrap();
    within(child.wait_with_output()).await.unwrap()
}

/// A server that lives as long as this does.
#[derive(Debug)]
pub struct Server {
    _child: Child,
    /// The line by which it said that it listens.
    pub ready: String,
}

impl Server {
    /// Starts a program and waits until it prints a line with `marker`.
    pub async fn start(command: &mut Command, marker: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        let ready = within(async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(marker) {
                    return Some(line);
                }
                seen.push(line);
            }
            None
        });
        let Some(ready) = ready.await else { panic!("{command:?} ended: {}", seen.join("\n")) };
        // The pipe must not fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        tokio::spawn(async move { while let Ok(Some(_)) = errors.next_line().await {} });
        Self { _child: child, ready }
    }
}

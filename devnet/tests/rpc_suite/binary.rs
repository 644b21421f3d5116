//! The real binary as a child process.

use crate::support::DEADLINE;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `nexus-devnet`, which is killed when this is dropped.
pub struct Binary {
    child: Child,
    /// What it says about itself with `--json`.
    pub started: Value,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub errors: String,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-devnet"));
    command
        .args(["--json"])
        .args(args)
        .env("NEXUS_DEVNET_PORT", "0")
        .env("XDG_CACHE_HOME", std::env::temp_dir().join("nexus-devnet-tests"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts it on a free port and waits until it listens.
pub async fn start(args: &[&str]) -> Binary {
    let mut child = command(args).spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    tokio::time::timeout(DEADLINE, output.read_line(&mut line)).await.unwrap().unwrap();
    if line.is_empty() {
        panic!("it did not start: {:?}", end(child).await);
    }
    Binary { child, started: serde_json::from_str(&line).unwrap() }
}

/// Starts it with arguments that it cannot work with.
pub async fn fails(args: &[&str]) -> Ended {
    end(command(args).spawn().unwrap()).await
}

impl Binary {
    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        let url = self.started["rpcUrl"].as_str().unwrap();
        url.trim_start_matches("http://").parse().unwrap()
    }

    /// Calls a method and returns its result.
    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let request = crate::support::request(method, params).to_string();
        let (_, answer) = crate::support::post_to(self.address(), request).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Sends it a signal by name and waits for its end.
    pub async fn signal(self, name: &str) -> Ended {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(sent.success());
        end(self.child).await
    }
}

async fn end(mut child: Child) -> Ended {
    let mut errors = String::new();
    let mut pipe = child.stderr.take().unwrap();
    let finished = async {
        pipe.read_to_string(&mut errors).await.unwrap();
        child.wait().await.unwrap()
    };
    let status = tokio::time::timeout(DEADLINE, finished).await.expect("it does not end");
    Ended { code: status.code(), errors }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

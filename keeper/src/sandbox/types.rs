//! Owns what goes into a run and what comes out of it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use alloy::primitives::B256;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where the engine is and who is asking.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// The engine's Unix socket. `None` means `DOCKER_HOST`, if that names a Unix socket, or
    /// `/var/run/docker.sock`.
    pub socket: Option<PathBuf>,
    /// Marks containers as this keeper's own, together with `deployment`. It must be the same
    /// after a restart and differ between keepers that share an engine: the smart account's
    /// address serves.
    pub keeper_id: String,
    /// The chain and the registry served. One account can have the same address on many
    /// chains, and so can a registry.
    pub deployment: String,
    /// Whole path components with which a manifest's repository must begin for an image that
    /// is absent locally to be pulled from there. Empty: nothing is pulled.
    pub pull_from: Vec<String>,
    /// The longest that all tries to pull an image may take together.
    pub pull_timeout: Duration,
    /// Whether the container of a verdict is kept until `Sandbox::release`, so that the verdict
    /// can be had once more if this process dies before it is stored.
    pub hold: bool,
    /// The largest image that is run, in bytes of unpacked layers.
    pub max_image_bytes: u64,
}

impl DockerConfig {
    /// The default engine, no pulling, nothing held; ten minutes and 4 GiB per image.
    pub fn new(keeper_id: impl Into<String>) -> Self {
        Self {
            socket: None,
            keeper_id: keeper_id.into(),
            deployment: String::new(),
            pull_from: Vec::new(),
            hold: false,
            pull_timeout: Duration::from_secs(600),
            max_image_bytes: 4 << 30,
        }
    }
}

/// What one run may use. All of it is enforced; nothing is advisory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time in seconds, from the start of the process.
    pub seconds: u64,
    /// Seconds without any output after which the run counts as hung. `None`: no such limit.
    pub silence_seconds: Option<u64>,
    /// Memory in bytes, swap and `/tmp` included; the engine wants at least 6 MiB.
    pub memory_bytes: u64,
    /// CPU time per wall-clock second in thousandths of a core; at least 10.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Size of `/tmp` in bytes; 0 leaves it out.
    pub tmp_bytes: u64,
    /// Bytes of stdout.
    pub output_bytes: u64,
    /// Bytes of stderr.
    pub log_bytes: u64,
}

/// One run: which image, with what, how far.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// The job's name: 1 to 128 of `a-z A-Z 0-9 _ . -`.
    pub job: String,
    /// Counts the tries of a job, so that two tries are never confused.
    pub attempt: u32,
    /// The sha256 digest of the image.
    pub image_digest: B256,
    /// Where to pull the image from if it is not here, without tag or digest.
    pub repository: Option<String>,
    /// Arguments after the image's entrypoint.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// What the agent reads from stdin.
    pub input: Bytes,
    /// How far it may go.
    pub limits: Limits,
}

/// How a run ended. Only [`Ending::Success`] may be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Exit code 0 within every limit.
    Success,
    /// The agent gave up by itself.
    NonZeroExit(i64),
    /// It ran longer than its wall-clock limit.
    Timeout,
    /// It said nothing for longer than its silence limit.
    Silent,
    /// The kernel killed one of its processes for memory.
    OutOfMemory,
    /// stdout went over its cap.
    OutputTooLarge,
    /// stderr went over its cap.
    LogTooLarge,
    /// The image is neither here nor to be had; nothing was run.
    ImageMissing,
}

/// What a run used. Both figures are the last sample before the end: lower bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in microseconds.
    pub cpu_micros: u64,
    /// Highest memory seen, in bytes.
    pub peak_memory_bytes: u64,
}

/// A finished run. The streams hold at most their caps, also when a cap was broken.
#[derive(Debug, Clone)]
pub struct RunOutput {
    /// How it ended.
    pub ending: Ending,
    /// The exit code; `None` if nothing was run.
    pub exit_code: Option<i64>,
    /// Exactly the bytes of stdout.
    pub result: Bytes,
    /// Exactly the bytes of stderr.
    pub log: Bytes,
    /// What it used.
    pub usage: Usage,
    /// When the engine started it.
    pub started_at: SystemTime,
    /// When it ended.
    pub finished_at: SystemTime,
}

/// One line of stderr while the agent runs, fit to be shown: no control characters,
/// invalid UTF-8 replaced, long lines cut into pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the keeper read it.
    pub at: SystemTime,
    /// The text, without its line break.
    pub text: String,
}

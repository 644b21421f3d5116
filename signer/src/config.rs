//! The signer's one TOML file: where things are, who may ask, and the policy.

mod wei;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;

pub use wei::Wei;

use crate::policy::{Policy, PolicyError, PolicyFile};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Not TOML, or a key that is missing, unknown or of another type.
    #[error("{path}: {error}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
    },
    /// A key with an impossible value.
    #[error("{path}: `{key}` {problem}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The policy makes no sense.
    #[error("{path}: {error}")]
    Policy {
        /// Which file.
        path: PathBuf,
        /// Which key and why.
        error: PolicyError,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    keystore: PathBuf,
    journal: PathBuf,
    socket: SocketFile,
    policy: PolicyFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketFile {
    path: PathBuf,
    #[serde(default)]
    allowed_uids: Vec<u32>,
    #[serde(default)]
    group_access: bool,
    #[serde(default = "defaults::max_connections")]
    max_connections: usize,
    #[serde(default = "defaults::frame_timeout_ms")]
    frame_timeout_ms: u64,
    #[serde(default = "defaults::idle_timeout_ms")]
    idle_timeout_ms: u64,
}

mod defaults {
    pub const fn max_connections() -> usize {
        16
    }

    pub const fn frame_timeout_ms() -> u64 {
        5_000
    }

    pub const fn idle_timeout_ms() -> u64 {
        300_000
    }
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of the key files.
    pub keystore: PathBuf,
    /// The journal's database file.
    pub journal: PathBuf,
    /// How the socket behaves.
    pub socket: SocketOptions,
    /// What may be signed.
    pub policy: Policy,
}

/// How the socket behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// The socket file; its directory must be private, and is created if missing.
    pub path: PathBuf,
    /// Users that may ask; nobody else, not even this process's own user, if not listed.
    pub allowed_uids: Vec<u32>,
    /// Whether the process's group reaches the socket (0660 in 0750, else 0600 in 0700).
    pub group_access: bool,
    /// Connections served at once; more are told that the signer is busy.
    pub max_connections: usize,
    /// Most time from a frame's first byte to its last, and for writing an answer.
    pub frame_timeout: Duration,
    /// Most time that a connection may stay open without a request.
    pub idle_timeout: Duration,
}

impl SocketOptions {
    /// The defaults for a socket that only this process's user may use.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            allowed_uids: vec![rustix::process::geteuid().as_raw()],
            group_access: false,
            max_connections: defaults::max_connections(),
            frame_timeout: Duration::from_millis(defaults::frame_timeout_ms()),
            idle_timeout: Duration::from_millis(defaults::idle_timeout_ms()),
        }
    }
}

impl Config {
    /// Reads and checks a file; relative paths in it count from its own directory.
    ///
    /// # Errors
    /// Names the file, and the key that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.into(), error })?;
        Self::parse(&text, path)
    }

    /// Checks a file's text; `path` is what errors and relative paths refer to.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file: ConfigFile = toml::from_str(text)
            .map_err(|error| ConfigError::Toml { path: path.into(), error: Box::new(error) })?;
        let base = path.parent().unwrap_or(Path::new(""));
        let policy = Policy::try_from(file.policy)
            .map_err(|error| ConfigError::Policy { path: path.into(), error })?;
        Ok(Self {
            keystore: base.join(file.keystore),
            journal: base.join(file.journal),
            socket: socket_options(file.socket, base)
                .map_err(|(key, problem)| ConfigError::Value { path: path.into(), key, problem })?,
            policy,
        })
    }
}

fn socket_options(file: SocketFile, base: &Path) -> Result<SocketOptions, (&'static str, String)> {
    if !(1..=1024).contains(&file.max_connections) {
        let problem = format!("is {}: expected 1 to 1024", file.max_connections);
        return Err(("socket.max_connections", problem));
    }
    let timeout = |key, value: u64| match value {
        1..=86_400_000 => Ok(Duration::from_millis(value)),
        _ => Err((key, format!("is {value}: expected 1 to 86400000 milliseconds"))),
    };
    let mut options = SocketOptions::new(base.join(file.path));
    if !file.allowed_uids.is_empty() {
        options.allowed_uids = file.allowed_uids;
    }
    Ok(SocketOptions {
        group_access: file.group_access,
        max_connections: file.max_connections,
        frame_timeout: timeout("socket.frame_timeout_ms", file.frame_timeout_ms)?,
        idle_timeout: timeout("socket.idle_timeout_ms", file.idle_timeout_ms)?,
        ..options
    })
}

#[cfg(test)]
mod tests;

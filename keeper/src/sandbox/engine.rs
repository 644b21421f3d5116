//! Owns the connection to the Docker engine, and the refusal of engines that cannot protect.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::{API_DEFAULT_VERSION, Docker};
use parking_lot::Mutex;
use tokio::net::UnixStream;

use tokio_util::task::TaskTracker;

use super::error::{Doing, SandboxError};
use super::hardening;
use super::trial::Trials;
use super::types::DockerConfig;
use crate::image::rules::Platform;

/// How long the engine may take to begin an answer.
const ANSWER_SECONDS: u64 = 30;
/// How long a passed safety check is trusted; a failed call ends the trust at once.
const TRUST: Duration = Duration::from_secs(60);

/// A handle that connects when it is first needed and again after the engine was away.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: PathBuf,
    checked: Arc<Mutex<Option<Checked>>>,
    trials: Arc<Trials>,
}

#[derive(Debug, Clone)]
struct Checked {
    docker: Docker,
    at: Instant,
    adoptable: bool,
    platform: Platform,
}

impl Engine {
    pub(super) fn new(config: &DockerConfig, pending: TaskTracker) -> Result<Self, SandboxError> {
        let socket = match &config.socket {
            Some(path) => path.clone(),
            None => default_socket()?,
        };
        let trials = Arc::new(Trials::new(config.clone(), pending));
        Ok(Self { socket, checked: Arc::default(), trials })
    }

    /// A client of an engine that was found able to protect the host.
    pub(super) async fn docker(&self) -> Result<Docker, SandboxError> {
        Ok(self.checked().await?.docker)
    }

    /// Whether a container that outlived its keeper can be trusted to be whole.
    pub(super) async fn adoptable(&self) -> Result<bool, SandboxError> {
        Ok(self.checked().await?.adoptable)
    }

    /// What it runs.
    pub(super) async fn platform(&self) -> Result<Platform, SandboxError> {
        Ok(self.checked().await?.platform)
    }

    /// Ends the trust in what the engine was seen to run, too: the next call tries it anew.
    pub(super) fn doubt(&self) {
        self.trials.doubt();
        self.distrust();
    }

    /// Ends the trust in the last check, so that the next call connects and checks anew.
    pub(super) fn distrust(&self) {
        *self.checked.lock() = None;
    }

    /// Names the engine's process: another one after each start of it. `None` if this host
    /// does not tell.
    pub(super) async fn instance(&self) -> Option<String> {
        let connection = UnixStream::connect(&self.socket).await.ok()?;
        let listener = connection.peer_cred().ok()?.pid()?.to_string();
        started(&listener).or_else(|| {
            // The socket was made by somebody else, such as systemd.
            let noted = std::fs::read_to_string(self.socket.with_file_name("docker.pid")).ok()?;
            started(noted.trim())
        })
    }

    async fn checked(&self) -> Result<Checked, SandboxError> {
        let known = self.checked.lock().clone();
        if let Some(known) = known.filter(|known| known.at.elapsed() < TRUST) {
            return Ok(known);
        }
        self.distrust();
        // On the heap, for it is rare and large.
        Box::pin(self.check()).await
    }

    async fn check(&self) -> Result<Checked, SandboxError> {
        let path = self.socket.to_str().ok_or_else(|| SandboxError::Unsafe {
            missing: format!("the socket path {} is not UTF-8", self.socket.display()),
        })?;
        let docker = Docker::connect_with_unix(path, ANSWER_SECONDS, API_DEFAULT_VERSION)
            .doing("connecting")?
            .negotiate_version()
            .await
            .doing("agreeing on an API version")?;
        let info = docker.info().await.doing("telling what it can do")?;
        hardening::check_engine(&info).map_err(|missing| SandboxError::Unsafe { missing })?;
        // With live restore an agent survives the engine, but what the engine was just
        // feeding it or reading from it does not.
        let adoptable = info.live_restore_enabled != Some(true);
        let platform = Platform::of(&info);
        self.trials.pass(&docker, &platform, self.instance().await).await?;
        let checked = Checked { docker, at: Instant::now(), adoptable, platform };
        *self.checked.lock() = Some(checked.clone());
        Ok(checked)
    }
}

/// A process of the engine by number and start, which no later process shares.
fn started(pid: &str) -> Option<String> {
    let about = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state ..`: the start time is field 22, and a name may hold anything.
    let (name, rest) = about.rsplit_once(')')?;
    let since = rest.split_whitespace().nth(19)?;
    name.ends_with("(dockerd").then(|| format!("{pid}-{since}"))
}

fn default_socket() -> Result<PathBuf, SandboxError> {
    let Ok(host) = std::env::var("DOCKER_HOST") else {
        return Ok(PathBuf::from("/var/run/docker.sock"));
    };
    match host.strip_prefix("unix://") {
        Some(path) => Ok(PathBuf::from(path)),
        None => Err(SandboxError::Unsafe {
            missing: format!(
                "DOCKER_HOST is {host}, but agents run only on this host's engine: set it to \
                 unix:///path/to/docker.sock or unset it"
            ),
        }),
    }
}

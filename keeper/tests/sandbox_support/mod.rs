//! Fixture agents as images, and a sandbox of its own for each test. Without a Docker
//! engine everything here fails, loudly.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bytes::Bytes;
use domain::manifest::Manifest;
use keeper::image::AgentImage;
use keeper::sandbox::{DockerConfig, Limits, LogLine, RunOutput, RunSpec, Sandbox, SandboxError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Longest a condition may take to come true.
pub const SOON: Duration = Duration::from_secs(30);

fn agents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-fixtures/agents")
}

/// Builds the agents once per test process; nothing to do if `scripts/build` ran before.
fn binaries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let exe = std::env::current_exe().expect("a path");
        // <target>/debug/deps/<test>
        let target = exe.ancestors().nth(3).expect("a target folder").join("agents");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--release", "--workspace", "--bins", "--target-dir"])
            .arg(&target)
            .current_dir(agents())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the fixture agents do not build");
        target.join("release")
    })
}

/// A fixture agent's manifest.
pub fn manifest(agent: &str) -> Manifest {
    let path = agents().join(agent).join("manifest.json");
    Manifest::parse(&std::fs::read(&path).expect("a manifest")).expect("a valid manifest")
}

/// A fixture agent as an image.
pub fn image(agent: &str) -> AgentImage {
    AgentImage::from_file(&binaries().join(agent), &manifest(agent)).expect("an image")
}

/// A fixture agent's program.
pub fn binary(agent: &str) -> Vec<u8> {
    std::fs::read(binaries().join(agent)).expect("a program")
}

/// Loads the agent into the engine and returns the digest to run it by.
pub async fn load(agent: &str) -> B256 {
    image(agent).load(None).await.expect("the Docker engine takes the image: is it running?")
}

/// A client beside the sandbox, to look at the engine from outside.
pub fn docker() -> Docker {
    Docker::connect_with_defaults().expect("a Docker engine")
}

/// A sandbox whose containers no other test touches.
pub fn sandbox() -> (Sandbox, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let keeper = format!("test-{}-{count}", std::process::id());
    (Sandbox::connect(DockerConfig::new(&keeper)).expect("a sandbox"), keeper)
}

/// A run as the agent's manifest describes it.
pub async fn spec(agent: &str, input: impl Into<Bytes>) -> RunSpec {
    let manifest = manifest(agent);
    let limits = manifest.limits;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    RunSpec {
        job: format!("{agent}-{}-{count}", std::process::id()),
        attempt: 1,
        image_digest: load(agent).await,
        repository: None,
        args: manifest.args,
        env: vec![("NEXUS_JOB".to_owned(), "7".to_owned())],
        input: input.into(),
        limits: Limits {
            seconds: limits.seconds.into(),
            silence_seconds: None,
            memory_bytes: limits.memory_bytes,
            cpu_millis: limits.cpu_millis,
            pids: limits.pids,
            tmp_bytes: limits.tmp_bytes,
            output_bytes: manifest.output.max_bytes,
            log_bytes: limits.log_bytes,
        },
    }
}

/// Runs to the end and sees to it that nothing is left.
pub async fn run(spec: RunSpec) -> Result<RunOutput, SandboxError> {
    let (sandbox, keeper) = sandbox();
    let (log, mut lines) = mpsc::channel(16);
    let drain = tokio::spawn(async move { while lines.recv().await.is_some() {} });
    let output = sandbox.run(spec, log, CancellationToken::new()).await;
    drain.await.expect("the reader ends with the run");
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty(), "a container is left");
    output
}

/// A channel that nobody reads from.
pub fn unread() -> mpsc::Sender<LogLine> {
    mpsc::channel(1).0
}

/// The containers that carry a keeper's label, running or not.
pub async fn containers(keeper: &str) -> Vec<ContainerSummary> {
    let label = format!("agentnexus.keeper={keeper}");
    let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    docker().list_containers(Some(options)).await.expect("a Docker engine")
}

/// Waits until a condition holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The log as text.
pub fn log(output: &RunOutput) -> String {
    String::from_utf8_lossy(&output.log).into_owned()
}

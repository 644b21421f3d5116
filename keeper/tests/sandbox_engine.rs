//! An engine that was restarted, or lost in the middle of a run, is not believed about runs
//! that began before: it may have stored only a part of what the agent said.

#[path = "common/docker_proxy.rs"]
mod docker_proxy;
mod sandbox_support;

use std::path::Path;

use docker_proxy::DockerProxy;
use keeper::sandbox::{DockerConfig, Ending, Sandbox, SandboxError};
use sandbox_support::{containers, spec, unread, until};
use tokio_util::sync::CancellationToken;

fn sandbox(socket: &Path, keeper: &str) -> Sandbox {
    let config = DockerConfig { socket: Some(socket.to_owned()), ..DockerConfig::new(keeper) };
    Sandbox::connect(config).expect("a sandbox")
}

async fn is_fed(keeper: &str) -> bool {
    let found = containers(keeper).await;
    found.iter().flat_map(|one| one.names.iter().flatten()).any(|name| name.ends_with("-fed"))
}

/// Loses the engine while an agent runs, leaves the container alone, and brings the engine
/// back. The folder is to hold the socket.
async fn lost(folder: &Path, keeper: &str) -> (Sandbox, DockerProxy) {
    // As where systemd made the socket: the engine is known by its pid file.
    std::fs::copy("/var/run/docker.pid", folder.join("docker.pid")).expect("the engine's pid");
    let mut proxy = DockerProxy::stopped(&folder.join("docker.sock"));
    proxy.start();
    let sandbox = sandbox(&proxy.socket, keeper);
    let mut hanging = spec("hang", "").await;
    (hanging.job, hanging.limits.seconds) = ("the-job".to_owned(), 8);
    let run = sandbox.run(hanging, unread(), CancellationToken::new());
    let cut = async {
        until("the agent is fed", || is_fed(keeper)).await;
        // Keeps the container from being removed: what is at stake is the adoption.
        sandbox.leave();
        proxy.stop().await;
    };
    let (output, ()) = tokio::join!(run, cut);
    let error = output.expect_err("no verdict");
    assert!(matches!(error, SandboxError::Unavailable { .. }), "{error}");
    proxy.start();
    (sandbox, proxy)
}

#[tokio::test]
async fn a_run_in_which_this_process_lost_the_engine_is_not_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = format!("engine-lost-{}", std::process::id());
    let (same, _proxy) = lost(folder.path(), &keeper).await;
    let adopted = same.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    same.settled().await;
    assert!(containers(&keeper).await.is_empty(), "nothing is left of it");
}

#[tokio::test]
async fn a_new_process_adopts_only_from_the_same_process_of_the_engine() {
    for same in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = format!("engine-{same}-{}", std::process::id());
        let (_old, proxy) = lost(folder.path(), &keeper).await;
        if !same {
            // What a restarted engine looks like: another process in its pid file.
            let other = std::process::id().to_string();
            std::fs::write(folder.path().join("docker.pid"), other).expect("written");
        }
        let new = sandbox(&proxy.socket, &keeper);
        let adopted = new.adopt("the-job", 1, unread(), CancellationToken::new()).await;
        let ending = adopted.expect("no error").map(|output| output.ending);
        assert_eq!(ending, same.then_some(Ending::Timeout));
        new.settled().await;
        assert!(containers(&keeper).await.is_empty());
    }
}

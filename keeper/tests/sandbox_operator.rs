//! What an operator does to a running agent is not charged to it: pauses, signals, restarts and
//! other limits, on the real engine.

#[path = "common/agent.rs"]
mod agent;
mod sandbox_support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::models::ContainerUpdateBody;
use bollard::query_parameters::KillContainerOptionsBuilder;
use keeper::sandbox::{DockerConfig, Ending, Limits, RunOutput, RunSpec, Sandbox, SandboxError};
use sandbox_support::{containers, docker, sandbox, unread, until};
use tokio_util::sync::CancellationToken;

/// Runs a script while something is done to its container, which is given once the agent is fed.
async fn meddled<F: Future<Output = ()>>(
    lines: &str,
    seconds: u64,
    meddle: impl FnOnce(String) -> F,
) -> Result<RunOutput, SandboxError> {
    let (sandbox, keeper) = sandbox();
    let mut spec = script(lines).await;
    spec.limits.seconds = seconds;
    let run = sandbox.run(spec, unread(), CancellationToken::new());
    let (output, ()) = tokio::join!(run, async { meddle(fed(&keeper).await).await });
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty(), "a container is left");
    output
}

/// A run of the agent that does what its input says.
async fn script(lines: &str) -> RunSpec {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let limits = agent::manifest(30).limits;
    RunSpec {
        job: format!("script-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)),
        attempt: 1,
        image_digest: agent::load().await,
        repository: None,
        args: Vec::new(),
        env: Vec::new(),
        input: lines.to_owned().into(),
        limits: Limits {
            seconds: limits.seconds.into(),
            silence_seconds: None,
            memory_bytes: limits.memory_bytes,
            cpu_millis: limits.cpu_millis,
            pids: limits.pids,
            tmp_bytes: limits.tmp_bytes,
            output_bytes: 10_000,
            log_bytes: limits.log_bytes,
        },
    }
}

/// The id of the keeper's only container, once its agent has its input.
async fn fed(keeper: &str) -> String {
    let find = async || {
        let found = containers(keeper).await;
        let fed = |name: &String| name.ends_with("-fed");
        found.into_iter().find(|one| one.names.iter().flatten().any(fed))?.id
    };
    until("the agent is fed", || async { find().await.is_some() }).await;
    find().await.expect("it is still there")
}

async fn signal(id: &str, signal: &str) {
    let options = KillContainerOptionsBuilder::default().signal(signal).build();
    docker().kill_container(id, Some(options)).await.expect("a signal");
}

/// Time that passes for the agent, as against a wait for something: that is what is at stake.
async fn let_time_pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn time_spent_paused_is_not_the_agents() {
    let output = meddled("sleep 1500\nout done", 4, |id| async move {
        docker().pause_container(&id).await.expect("paused");
        let_time_pass(6).await;
        docker().unpause_container(&id).await.expect("goes on");
    })
    .await;
    let output = output.expect("a verdict");
    assert_eq!(output.ending, Ending::Success);
    let ran = output.finished_at.duration_since(output.started_at).expect("an order");
    assert!(ran > Duration::from_secs(6), "it was there longer than its limit: {ran:?}");
}

#[tokio::test]
async fn what_is_left_of_the_time_after_a_pause_still_ends() {
    let output = meddled("sleep 60000", 3, |id| async move {
        docker().pause_container(&id).await.expect("paused");
        let_time_pass(4).await;
        docker().unpause_container(&id).await.expect("goes on");
    })
    .await;
    assert_eq!(output.expect("a verdict").ending, Ending::Timeout);
}

#[tokio::test]
async fn an_agent_paused_while_no_keeper_watched_has_its_time_after_all() {
    let keeper = format!("paused-unwatched-{}", std::process::id());
    let connect = || Sandbox::connect(DockerConfig::new(&keeper)).expect("a sandbox");
    let mut spec = script("sleep 2000\nout done").await;
    (spec.job, spec.limits.seconds) = ("the-job".to_owned(), 5);
    let first = connect();
    let mut run = Box::pin(first.run(spec, unread(), CancellationToken::new()));
    let id = tokio::select! {
        output = &mut run => panic!("{output:?}"),
        id = fed(&keeper) => id,
    };
    first.leave();
    drop(run);
    first.settled().await;
    docker().pause_container(&id).await.expect("paused");
    let_time_pass(6).await;
    let next = connect();
    let adopted = next.adopt("the-job", 1, unread(), CancellationToken::new());
    let unpause = async {
        let_time_pass(1).await;
        docker().unpause_container(&id).await.expect("goes on");
    };
    let (adopted, ()) = tokio::join!(adopted, unpause);
    assert_eq!(adopted.expect("no error").expect("adopted").ending, Ending::Success);
    next.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_paused_agent_can_be_given_up_and_leaves_nothing() {
    let (sandbox, keeper) = sandbox();
    let spec = script("sleep 60000").await;
    let mut run = Box::pin(sandbox.run(spec, unread(), CancellationToken::new()));
    let id = tokio::select! {
        output = &mut run => panic!("{output:?}"),
        id = fed(&keeper) => id,
    };
    docker().pause_container(&id).await.expect("paused");
    drop(run);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_run_that_others_ended_or_began_again_is_no_verdict() {
    for signals in [&["SIGKILL"][..], &["SIGUSR1", "SIGKILL"]] {
        let output = meddled("sleep 60000", 30, |id| async move {
            for name in signals {
                signal(&id, name).await;
            }
        })
        .await;
        let error = output.expect_err("no verdict");
        assert!(matches!(error, SandboxError::Interrupted { .. }), "{error}");
    }
    let stopped = meddled("sleep 60000", 30, |id| async move {
        docker().stop_container(&id, None).await.expect("stopped");
    })
    .await;
    assert!(matches!(stopped, Err(SandboxError::Interrupted { .. })), "{stopped:?}");
    let restarted = meddled("sleep 60000\nout done", 30, |id| async move {
        docker().restart_container(&id, None).await.expect("restarted");
    })
    .await;
    assert!(matches!(restarted, Err(SandboxError::Interrupted { .. })), "{restarted:?}");
}

#[tokio::test]
async fn a_stopped_process_is_no_timeout() {
    let stopped = meddled("sleep 60000", 2, |id| async move { signal(&id, "SIGSTOP").await }).await;
    assert!(matches!(stopped, Err(SandboxError::Interrupted { .. })), "{stopped:?}");
}

#[tokio::test]
async fn a_timeout_after_its_limits_were_changed_is_no_verdict() {
    let update = |id: String| async move {
        let body = ContainerUpdateBody { cpu_quota: Some(1000), ..Default::default() };
        docker().update_container(&id, body).await.expect("updated");
    };
    let slowed = meddled("sleep 60000", 2, update).await;
    assert!(matches!(slowed, Err(SandboxError::Interrupted { .. })), "{slowed:?}");
    let fine = meddled("sleep 1000\nout done", 20, update).await;
    assert_eq!(fine.expect("a verdict").ending, Ending::Success);
}

#[tokio::test]
async fn a_container_that_was_started_again_is_not_adopted() {
    let keeper = format!("restarted-{}", std::process::id());
    let connect = || Sandbox::connect(DockerConfig::new(&keeper)).expect("a sandbox");
    let mut spec = script("sleep 1000\nout done").await;
    spec.job = "the-job".to_owned();
    let first = connect();
    let mut run = Box::pin(first.run(spec, unread(), CancellationToken::new()));
    let id = tokio::select! {
        output = &mut run => panic!("{output:?}"),
        id = fed(&keeper) => id,
    };
    first.leave();
    drop(run);
    first.settled().await;
    // Its second process reads an empty input, and would succeed with nothing done.
    docker().restart_container(&id, None).await.expect("restarted");
    let next = connect();
    let adopted = next.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    next.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn exit_code_137_without_a_kill_is_the_agents_own() {
    let output = meddled("sleep 500\nexit 137", 20, |_| async {}).await.expect("a verdict");
    assert_eq!((output.ending, output.exit_code), (Ending::NonZeroExit(137), Some(137)));
}

//! What a keeper that dies leaves behind: finished by the next one if it is whole, removed
//! and run again if it is not, swept if nobody wants it.
//!
//! A dying keeper is a child process of the test that is killed: no clean-up of any kind.

mod sandbox_support;

use std::process::{Child, Command, Stdio};

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    RenameContainerOptionsBuilder,
};
use keeper::sandbox::{DockerConfig, Ending, RunSpec, Sandbox};
use sandbox_support::{containers, docker, log, spec, unread, until};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const TEXT: &str = include_str!("../../test-fixtures/texts/alice.txt");

fn sandbox_of(keeper: &str) -> Sandbox {
    Sandbox::connect(DockerConfig::new(keeper)).expect("a sandbox")
}

/// Not a test: the keeper that gets killed. Runs one agent when told to by the environment.
#[tokio::test]
async fn child_keeper() {
    let Ok(keeper) = std::env::var("CHILD_KEEPER") else { return };
    let agent = std::env::var("CHILD_AGENT").expect("an agent");
    let seconds: u64 = std::env::var("CHILD_SECONDS").expect("seconds").parse().expect("a number");
    let mut spec: RunSpec = spec(&agent, TEXT).await;
    spec.job = "the-job".to_owned();
    spec.limits.seconds = seconds;
    let output = sandbox_of(&keeper).run(spec, unread(), CancellationToken::new()).await;
    panic!("it should have been killed, but: {output:?}");
}

fn start_child(keeper: &str, agent: &str, seconds: u64) -> Child {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "child_keeper"])
        .env("CHILD_KEEPER", keeper)
        .env("CHILD_AGENT", agent)
        .env("CHILD_SECONDS", seconds.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// The name and the state of the keeper's only container, if there is one.
async fn only(keeper: &str) -> Option<(String, String)> {
    let found = containers(keeper).await.into_iter().next()?;
    let id = found.id.expect("an id");
    let inspected = docker().inspect_container(&id, None::<InspectContainerOptions>).await.ok()?;
    let status = inspected.state?.status?.to_string();
    Some((inspected.name?, status))
}

/// A keeper that is killed while its agent runs, after the input was delivered.
async fn killed_while_running(keeper: &str, agent: &str, seconds: u64) {
    let mut child = start_child(keeper, agent, seconds);
    until("the agent is fed and runs", || async {
        only(keeper).await.is_some_and(|(name, state)| name.ends_with("-fed") && state == "running")
    })
    .await;
    child.kill().expect("a kill");
    child.wait().expect("an end");
}

#[tokio::test]
async fn a_running_agent_is_adopted_and_its_log_replayed_from_the_beginning() {
    let keeper = format!("adopt-running-{}", std::process::id());
    killed_while_running(&keeper, "hang", 6).await;
    let sandbox = sandbox_of(&keeper);
    let (sink, mut lines) = mpsc::channel(16);
    let output = sandbox.adopt("the-job", 1, sink, CancellationToken::new()).await;
    let output = output.expect("no error").expect("adopted");
    assert_eq!(output.ending, Ending::Timeout, "the limits of the first keeper hold");
    let ran = output.finished_at.duration_since(output.started_at).expect("an order").as_secs();
    assert!((5..20).contains(&ran), "counted from the first keeper's start: {ran}");
    assert!(log(&output).contains("waiting for something"), "{}", log(&output));
    assert!(lines.recv().await.expect("a line").text.contains("waiting for something"));
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_run_that_ended_meanwhile_is_judged_the_same() {
    // One agent writes text, the other all that is no text and no line break at the end.
    for (agent, ending) in
        [("summarize", Ending::Success), ("exit-nonzero", Ending::NonZeroExit(3))]
    {
        let keeper = format!("adopt-ended-{agent}-{}", std::process::id());
        let sandbox = sandbox_of(&keeper);
        // What the agent's result is when its keeper lives.
        let whole = sandbox.run(spec(agent, TEXT).await, unread(), CancellationToken::new());
        let whole = whole.await.expect("a verdict");
        assert_eq!(whole.ending, ending);
        sandbox.settled().await;

        // The same container as run() makes, but nobody attends its end.
        leave_behind(&keeper, agent, &[], TEXT).await;
        let (sink, mut lines) = mpsc::channel(64);
        let adopted = sandbox.adopt("the-job", 1, sink, CancellationToken::new()).await;
        let adopted = adopted.expect("no error").expect("adopted");
        assert_eq!(adopted.ending, ending, "{}", log(&adopted));
        assert_eq!(adopted.exit_code, whole.exit_code);
        assert!(adopted.result == whole.result, "byte for byte");
        assert_eq!(adopted.log, whole.log, "byte for byte");
        let mut replayed = Vec::new();
        while let Some(line) = lines.recv().await {
            replayed.push(line.text);
        }
        assert_eq!(replayed, log(&whole).lines().collect::<Vec<_>>());
        sandbox.settled().await;
        assert!(containers(&keeper).await.is_empty());
    }
}

#[tokio::test]
async fn an_agent_whose_input_may_be_cut_short_is_discarded() {
    let keeper = format!("adopt-unfed-{}", std::process::id());
    leave_behind_unfed(&keeper, "summarize", &[], &TEXT[..TEXT.len() / 2]).await;
    let sandbox = sandbox_of(&keeper);
    let adopted = sandbox.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn output_that_the_engine_does_not_store_byte_for_byte_is_discarded() {
    let keeper = format!("adopt-long-line-{}", std::process::id());
    leave_behind(&keeper, "exit-nonzero", &["--long-line"], TEXT).await;
    let sandbox = sandbox_of(&keeper);
    let adopted = sandbox.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn an_agent_that_was_killed_unattended_is_discarded() {
    let keeper = format!("adopt-killed-{}", std::process::id());
    killed_while_running(&keeper, "hang", 60).await;
    let id = containers(&keeper).await.remove(0).id.expect("an id");
    docker().kill_container(&id, None).await.expect("a kill");
    let sandbox = sandbox_of(&keeper);
    let adopted = sandbox.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn where_nothing_was_left_nothing_is_adopted() {
    let sandbox = sandbox_of(&format!("adopt-nothing-{}", std::process::id()));
    let adopted = sandbox.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
}

#[tokio::test]
async fn the_sweep_takes_orphans_and_leaves_the_living_and_the_neighbours() {
    let keeper = format!("sweep-{}", std::process::id());
    let neighbour = format!("sweep-neighbour-{}", std::process::id());
    killed_while_running(&keeper, "hang", 60).await;
    killed_while_running(&neighbour, "hang", 60).await;
    let sandbox = sandbox_of(&keeper);
    let live = [("the-job".to_owned(), 1)];
    assert_eq!(sandbox.sweep(&live).await.expect("a sweep"), 0);
    assert_eq!(containers(&keeper).await.len(), 1);
    assert_eq!(sandbox.sweep(&[]).await.expect("a sweep"), 1);
    assert!(containers(&keeper).await.is_empty());
    assert_eq!(containers(&neighbour).await.len(), 1);
    assert_eq!(sandbox_of(&neighbour).sweep(&[]).await.expect("a sweep"), 1);
}

#[tokio::test]
async fn a_keeper_that_leaves_leaves_its_agents_to_the_next_one() {
    let keeper = format!("leave-{}", std::process::id());
    let sandbox = sandbox_of(&keeper);
    let mut hanging = spec("hang", "").await;
    (hanging.job, hanging.limits.seconds) = ("the-job".to_owned(), 4);
    let mut run = Box::pin(sandbox.run(hanging, unread(), CancellationToken::new()));
    let fed = async || only(&keeper).await.is_some_and(|(name, _)| name.ends_with("-fed"));
    tokio::select! {
        output = &mut run => panic!("{output:?}"),
        () = until("the agent is fed", &fed) => {}
    }
    sandbox.leave();
    drop(run);
    sandbox.settled().await;
    assert_eq!(only(&keeper).await.map(|(_, state)| state).as_deref(), Some("running"));

    let next = sandbox_of(&keeper);
    let adopted = next.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert_eq!(adopted.expect("no error").expect("adopted").ending, Ending::Timeout);
    next.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_keeper_that_leaves_removes_what_nobody_could_finish() {
    let keeper = format!("leave-unfed-{}", std::process::id());
    let sandbox = sandbox_of(&keeper);
    // More than a pipe holds, and nobody reads it.
    let mut starved = spec("hang", vec![b'x'; 4 << 20]).await;
    starved.job = "the-job".to_owned();
    let mut run = Box::pin(sandbox.run(starved, unread(), CancellationToken::new()));
    let running = async || only(&keeper).await.is_some_and(|(_, state)| state == "running");
    tokio::select! {
        output = &mut run => panic!("{output:?}"),
        () = until("the agent runs", &running) => {}
    }
    sandbox.leave();
    drop(run);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_container_is_held_until_its_verdict_is_stored() {
    let keeper = format!("hold-{}", std::process::id());
    let held = DockerConfig { hold: true, ..DockerConfig::new(&keeper) };
    let sandbox = Sandbox::connect(held).expect("a sandbox");
    let spec = spec("summarize", TEXT).await;
    let job = spec.job.clone();
    let output = sandbox.run(spec, unread(), CancellationToken::new()).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success);
    sandbox.release("another-job");
    assert_eq!(only(&keeper).await.map(|(_, state)| state).as_deref(), Some("exited"));
    sandbox.release(&job);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn one_account_on_two_chains_is_two_keepers() {
    let keeper = format!("chains-{}", std::process::id());
    killed_while_running(&keeper, "hang", 60).await;
    let other = DockerConfig { deployment: "42161-9a8b-33".into(), ..DockerConfig::new(&keeper) };
    let other = Sandbox::connect(other).expect("a sandbox");
    assert_eq!(other.sweep(&[]).await.expect("a sweep"), 0);
    let adopted = other.adopt("the-job", 1, unread(), CancellationToken::new()).await;
    assert!(adopted.expect("no error").is_none());
    let mut same = spec("summarize", TEXT).await;
    same.job = "the-job".to_owned();
    let output = other.run(same, unread(), CancellationToken::new()).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "the same job and attempt side by side");
    other.settled().await;
    assert_eq!(containers(&keeper).await.len(), 1);
    assert_eq!(sandbox_of(&keeper).sweep(&[]).await.expect("a sweep"), 1);
}

#[tokio::test]
async fn a_new_run_of_the_same_attempt_replaces_what_was_left() {
    let keeper = format!("replace-{}", std::process::id());
    killed_while_running(&keeper, "hang", 60).await;
    let sandbox = sandbox_of(&keeper);
    let mut again = spec("summarize", TEXT).await;
    again.job = "the-job".to_owned();
    let output = sandbox.run(again, unread(), CancellationToken::new()).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

/// Makes what a keeper leaves that dies after feeding its agent.
async fn leave_behind(keeper: &str, agent: &str, args: &[&str], input: &str) {
    let docker = docker();
    let id = leave_behind_unfed(keeper, agent, args, input).await;
    let options = RenameContainerOptionsBuilder::default().name(&format!("{keeper}-fed")).build();
    docker.rename_container(&id, options).await.expect("renamed");
}

/// Makes what a keeper leaves that dies while feeding its agent, and waits until the agent
/// has ended: a container of the sandbox's own making, run by hand.
async fn leave_behind_unfed(keeper: &str, agent: &str, args: &[&str], input: &str) -> String {
    let pattern = format!("pattern-{keeper}");
    killed_while_running(&pattern, "hang", 60).await;
    let id = containers(&pattern).await.remove(0).id.expect("an id");
    let docker = docker();
    let made = docker.inspect_container(&id, None::<InspectContainerOptions>).await.expect("it");
    sandbox_of(&pattern).sweep(&[]).await.expect("a sweep");

    let mut labels = made.config.expect("a config").labels.expect("labels");
    labels.insert("agentnexus.keeper".to_owned(), keeper.to_owned());
    let limits = serde_json::to_string(&spec(agent, "").await.limits).expect("limits");
    labels.insert("agentnexus.limits".to_owned(), limits);
    let body = ContainerCreateBody {
        image: Some(format!("sha256:{:x}", sandbox_support::load(agent).await)),
        cmd: Some(args.iter().map(|arg| (*arg).to_owned()).collect()),
        labels: Some(labels),
        open_stdin: Some(true),
        stdin_once: Some(true),
        host_config: made.host_config,
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(keeper).build();
    let created = docker.create_container(Some(options), body).await.expect("a container");
    let attach = AttachContainerOptionsBuilder::default().stream(true).stdin(true).build();
    let mut attached = docker.attach_container(&created.id, Some(attach)).await.expect("attached");
    docker.start_container(&created.id, None).await.expect("started");
    attached.input.write_all(input.as_bytes()).await.expect("written");
    attached.input.shutdown().await.expect("closed");
    until("the agent has ended", || async {
        only(keeper).await.is_some_and(|(_, state)| state == "exited")
    })
    .await;
    created.id
}

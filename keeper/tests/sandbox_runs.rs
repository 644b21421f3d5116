//! Good runs: exact streams, live lines, usage, and several at once.

mod sandbox_support;

use keeper::sandbox::{Ending, SandboxError};
use sandbox_support::{containers, log, run, sandbox, spec, unread, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const TEXT: &str = include_str!("../../test-fixtures/texts/alice.txt");

#[tokio::test]
async fn a_text_is_summarised() {
    let output = run(spec("summarize", TEXT).await).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "{}", log(&output));
    assert_eq!(output.exit_code, Some(0));
    let summary = String::from_utf8(output.result.to_vec()).expect("text");
    let sentences: Vec<&str> = summary.lines().collect();
    assert!((3..=12).contains(&sentences.len()), "{summary}");
    let flat = TEXT.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(sentences.iter().all(|s| flat.contains(s)), "quoted from the text: {summary}");
    assert!(log(&output).contains(&format!("read {} bytes", TEXT.len())));
    assert!(output.usage.peak_memory_bytes < 256 << 20);
}

#[tokio::test]
async fn a_large_input_arrives_whole() {
    let input = TEXT.repeat((1 << 20) / TEXT.len());
    let output = run(spec("summarize", input.clone()).await).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "{}", log(&output));
    assert!(log(&output).contains(&format!("read {} bytes", input.len())), "{}", log(&output));
}

#[tokio::test]
async fn an_agent_says_itself_what_is_wrong_with_its_input() {
    let output = run(spec("summarize", &b"\xff\xfe"[..]).await).await.expect("a verdict");
    assert_eq!(output.ending, Ending::NonZeroExit(3));
    assert!(log(&output).contains("not UTF-8 text"), "{}", log(&output));
    let output = run(spec("summarize", " \n").await).await.expect("a verdict");
    assert_eq!(output.ending, Ending::NonZeroExit(4));
}

#[tokio::test]
async fn arguments_reach_the_agent() {
    let mut short = spec("summarize", TEXT).await;
    short.args = vec!["--sentences".to_owned(), "2".to_owned()];
    let output = run(short).await.expect("a verdict");
    assert_eq!(output.result.iter().filter(|b| **b == b'\n').count(), 2);
}

#[tokio::test]
async fn lines_come_while_the_agent_runs_and_usage_is_measured() {
    let (sandbox, _) = sandbox();
    let (sink, mut lines) = mpsc::channel(16);
    let mut hog = spec("memory-hog", "").await;
    hog.limits.memory_bytes = 32 << 20;
    let running = sandbox.run(hog, sink, CancellationToken::new());
    let watching = async {
        let mut texts = Vec::new();
        while let Some(line) = lines.recv().await {
            texts.push(line.text);
        }
        texts
    };
    let (output, texts) = tokio::join!(running, watching);
    let output = output.expect("a verdict");
    let whole: Vec<String> = log(&output).lines().map(str::to_owned).collect();
    assert!(!texts.is_empty() && whole.starts_with(&texts), "{texts:?}");
    assert_eq!(output.usage.peak_memory_bytes, 32 << 20);
    sandbox.settled().await;
}

#[tokio::test]
async fn a_busy_agent_is_charged_for_its_cpu() {
    // On a busy machine a run may be over before the first sample of it.
    let mut seen = Vec::new();
    for _ in 0..20 {
        let output = run(spec("fork-bomb", "").await).await.expect("a verdict");
        if output.usage.cpu_micros > 0 && output.usage.peak_memory_bytes > 0 {
            return;
        }
        seen.push(output.usage);
    }
    panic!("no run was measured: {seen:?}");
}

#[tokio::test]
async fn cancelling_ends_and_removes_the_container() {
    let (sandbox, keeper) = sandbox();
    let cancel = CancellationToken::new();
    let run = sandbox.run(spec("hang", "").await, unread(), cancel.clone());
    let end = async {
        until("the container runs", || async { !containers(&keeper).await.is_empty() }).await;
        cancel.cancel();
    };
    let (output, ()) = tokio::join!(run, end);
    let error = output.expect_err("no verdict");
    assert!(matches!(error, SandboxError::Cancelled { .. }), "{error}");
    assert!(error.is_retryable());
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn dropping_the_future_removes_the_container_too() {
    let (sandbox, keeper) = sandbox();
    let mut run = Box::pin(sandbox.run(spec("hang", "").await, unread(), CancellationToken::new()));
    let running = until("it runs", || async { !containers(&keeper).await.is_empty() });
    tokio::select! {
        output = &mut run => panic!("{output:?}"),
        () = running => {}
    }
    drop(run);
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_kill_from_outside_is_not_held_against_the_agent() {
    let (sandbox, keeper) = sandbox();
    let mut hanging = spec("hang", "").await;
    hanging.limits.seconds = 60;
    let run = sandbox.run(hanging, unread(), CancellationToken::new());
    let kill = async {
        let docker = sandbox_support::docker();
        until("it is killed", || async {
            let found = containers(&keeper).await;
            let Some(id) = found.first().and_then(|c| c.id.clone()) else { return false };
            docker.kill_container(&id, None).await.is_ok()
        })
        .await;
    };
    let (output, ()) = tokio::join!(run, kill);
    let error = output.expect_err("no verdict");
    assert!(matches!(error, SandboxError::Interrupted { .. }), "{error}");
    assert!(error.is_retryable());
    sandbox.settled().await;
}

#[tokio::test]
async fn an_absent_engine_is_a_reason_to_wait() {
    let config = keeper::sandbox::DockerConfig {
        socket: Some("/nonexistent/docker.sock".into()),
        ..keeper::sandbox::DockerConfig::new("nobody")
    };
    let sandbox = keeper::sandbox::Sandbox::connect(config).expect("connecting is lazy");
    let error = sandbox.ping().await.expect_err("no engine");
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains("does not answer"), "{error}");
    let run = sandbox.run(spec("hang", "").await, unread(), CancellationToken::new()).await;
    assert!(run.expect_err("no engine").is_retryable());
}

#[tokio::test]
async fn a_wrong_description_is_refused_before_anything_runs() {
    let mut wrong = spec("hang", "").await;
    wrong.limits.memory_bytes = 1;
    let error = run(wrong).await.expect_err("a refusal");
    assert!(matches!(error, SandboxError::InvalidSpec { .. }) && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn several_agents_run_at_once_without_mixing() {
    let (sandbox, keeper) = sandbox();
    let texts: Vec<String> = (1..=4).map(|n| format!("Only sentence number {n}.")).collect();
    let mut runs = Vec::new();
    for text in &texts {
        let spec = spec("summarize", text.clone()).await;
        runs.push(sandbox.run(spec, unread(), CancellationToken::new()));
    }
    for (output, text) in futures::future::join_all(runs).await.into_iter().zip(&texts) {
        let output = output.expect("a verdict");
        assert_eq!(String::from_utf8_lossy(&output.result), format!("{text}\n"));
    }
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn a_run_takes_little_of_its_callers_stack() {
    let (sandbox, _) = sandbox();
    let spec = spec("hang", "").await;
    let run = sandbox.run(spec, unread(), CancellationToken::new());
    let adopt = sandbox.adopt("a-job", 1, unread(), CancellationToken::new());
    for size in [size_of_val(&run), size_of_val(&adopt)] {
        assert!(size < 4 << 10, "{size} bytes");
    }
}

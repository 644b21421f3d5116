//! Every way to misbehave meets its own limit, in real containers, and leaves nothing.

mod sandbox_support;

use keeper::sandbox::Ending;
use sandbox_support::{load, log, run, spec};

#[tokio::test]
async fn an_exit_code_fails_the_run_whatever_was_written_before() {
    let output = run(spec("exit-nonzero", "some input").await).await.expect("a verdict");
    assert_eq!(output.ending, Ending::NonZeroExit(3));
    assert_eq!(output.exit_code, Some(3));
    assert!(log(&output).contains("read 10 bytes"), "{}", log(&output));
    assert!(output.started_at < output.finished_at);
}

#[tokio::test]
async fn a_hanging_agent_is_ended_at_its_time_limit() {
    let mut hanging = spec("hang", "").await;
    hanging.limits.seconds = 2;
    let output = run(hanging).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Timeout);
    let ran = output.finished_at.duration_since(output.started_at).expect("an order");
    assert!(ran.as_secs() >= 2, "{ran:?}");
    assert!(log(&output).contains("waiting for something"), "what it said is kept");
}

#[tokio::test]
async fn a_silent_agent_is_told_from_a_slow_one() {
    let mut silent = spec("hang", "").await;
    silent.limits.seconds = 60;
    silent.limits.silence_seconds = Some(1);
    let output = run(silent).await.expect("a verdict");
    assert_eq!(output.ending, Ending::Silent);
}

#[tokio::test]
async fn a_fork_bomb_meets_the_process_limit() {
    let bomb = spec("fork-bomb", "").await;
    let pids = bomb.limits.pids;
    let output = run(bomb).await.expect("a verdict");
    assert_eq!(output.ending, Ending::NonZeroExit(7), "{}", log(&output));
    let refusals: Vec<String> =
        log(&output).lines().filter(|l| l.contains("refused")).map(str::to_owned).collect();
    assert_eq!(refusals.len(), 2, "processes and threads: {refusals:?}");
    for refusal in &refusals {
        assert!(refusal.contains("os error 11"), "EAGAIN: {refusal}");
    }
    let started: u32 = refusals[0]
        .split("after ")
        .nth(1)
        .and_then(|rest| rest.split(':').next())
        .and_then(|count| count.parse().ok())
        .expect("a count");
    assert!((1..pids).contains(&started), "{started} of {pids}");
}

#[tokio::test]
async fn a_memory_hog_is_killed_by_the_kernel_at_its_limit() {
    let hog = spec("memory-hog", "").await;
    let limit = hog.limits.memory_bytes;
    let output = run(hog).await.expect("a verdict");
    assert_eq!(output.ending, Ending::OutOfMemory, "{}", log(&output));
    let held: u64 = log(&output)
        .lines()
        .filter_map(|l| l.strip_prefix("memory-hog: holding ")?.strip_suffix(" MiB")?.parse().ok())
        .max()
        .expect("some memory was had");
    assert!(held << 20 < limit, "{held} MiB");
    assert!(held << 20 >= limit / 2, "{held} MiB: killed long before the limit");
    assert_eq!(output.usage.peak_memory_bytes, limit);
    assert!(output.result.is_empty());
}

#[tokio::test]
async fn a_flood_of_output_is_cut_at_the_byte() {
    let flood = spec("output-flood", "").await;
    let cap = flood.limits.output_bytes;
    let output = run(flood).await.expect("a verdict");
    assert_eq!(output.ending, Ending::OutputTooLarge);
    assert_eq!(output.result.len() as u64, cap);
    assert!(!log(&output).contains("nothing stopped me"));
}

#[tokio::test]
async fn a_flood_of_log_is_cut_at_the_byte() {
    let flood = spec("log-flood", "").await;
    let cap = flood.limits.log_bytes;
    let output = run(flood).await.expect("a verdict");
    assert_eq!(output.ending, Ending::LogTooLarge);
    assert_eq!(output.log.len() as u64, cap);
}

#[tokio::test]
async fn there_is_no_network_and_no_socket() {
    let output = run(spec("network-attempt", "").await).await.expect("a verdict");
    let log = log(&output);
    assert_eq!(output.ending, Ending::NonZeroExit(5), "{log}");
    assert!(log.contains("interfaces: lo\n"), "{log}");
    for address in ["1.1.1.1:443", "169.254.169.254:80", "172.17.0.1:2375"] {
        assert!(log.contains(&format!("tcp {address}: Network is unreachable")), "{log}");
    }
    assert!(log.contains("udp 8.8.8.8:53: Network is unreachable"), "{log}");
    assert!(log.contains("unix /var/run/docker.sock: No such file"), "{log}");
}

#[tokio::test]
async fn nothing_can_be_written_run_or_gained() {
    let writer = spec("write-attempt", "").await;
    let tmp = writer.limits.tmp_bytes;
    let output = run(writer).await.expect("a verdict");
    let log = log(&output);
    assert_eq!(output.ending, Ending::NonZeroExit(8), "{log}");
    for line in [
        "Uid: 65534 65534 65534 65534",
        "Gid: 65534 65534 65534 65534",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "write /written-by-agent: Read-only file system",
        "write /etc/written-by-agent: Read-only file system",
        "write /agent: Permission denied",
        "write /dev/shm/written-by-agent: No such file",
        "become root: Operation not permitted",
        "run from /tmp: Permission denied",
        "fill /tmp: No space left on device",
    ] {
        assert!(log.contains(line), "{line} is missing in:\n{log}");
    }
    assert!(!log.contains("WORKED"), "{log}");
    let filled: u64 = log
        .split("No space left on device (os error 28) after ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|bytes| bytes.parse().ok())
        .expect("a count");
    assert!(filled <= tmp && filled > tmp / 2, "{filled} of {tmp}");
}

#[tokio::test]
async fn a_missing_image_is_an_ending_of_its_own() {
    let mut missing = spec("hang", "").await;
    missing.image_digest = alloy::primitives::B256::repeat_byte(0xab);
    let output = run(missing).await.expect("a verdict");
    assert_eq!(output.ending, Ending::ImageMissing);
    assert_eq!(output.exit_code, None);
}

#[tokio::test]
async fn the_same_binary_and_manifest_give_the_same_digest() {
    let first = load("hang").await;
    let again = load("hang").await;
    assert_eq!(first, again);
    assert_ne!(first, load("exit-nonzero").await);
}

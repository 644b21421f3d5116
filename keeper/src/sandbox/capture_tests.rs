//! Reading of streams: caps to the byte, silence, and readers that go away.

use super::*;

fn limits() -> Limits {
    Limits {
        seconds: 10,
        silence_seconds: None,
        memory_bytes: 64 << 20,
        cpu_millis: 500,
        pids: 16,
        tmp_bytes: 0,
        output_bytes: 8,
        log_bytes: 8,
    }
}

fn out(bytes: &'static [u8]) -> Result<LogOutput, DockerError> {
    Ok(LogOutput::StdOut { message: Bytes::from_static(bytes) })
}

fn err(bytes: &'static [u8]) -> Result<LogOutput, DockerError> {
    Ok(LogOutput::StdErr { message: Bytes::from_static(bytes) })
}

fn capture(
    frames: Vec<Result<LogOutput, DockerError>>,
    sink: Option<mpsc::Sender<LogLine>>,
) -> Capture {
    Capture::new(Box::pin(futures::stream::iter(frames)), limits(), sink)
}

#[tokio::test]
async fn a_stream_may_fill_its_cap_exactly() {
    let mut exact = capture(vec![out(b"1234"), err(b"\xff\0\n"), out(b"5678")], None);
    assert!(matches!(exact.read().await, Flow::End));
    assert_eq!(exact.into_parts(), (Bytes::from("12345678"), Bytes::from_static(b"\xff\0\n")));
}

#[tokio::test]
async fn one_byte_more_breaks_it_and_is_not_kept() {
    let mut over = capture(vec![out(b"1234"), out(b"56789")], None);
    assert!(matches!(over.read().await, Flow::Broke(Ending::OutputTooLarge)));
    assert_eq!(over.into_parts().0, "12345678");
    let mut over = capture(vec![err(b"123456789")], None);
    assert!(matches!(over.read().await, Flow::Broke(Ending::LogTooLarge)));
    assert_eq!(over.into_parts().1, "12345678");
}

#[tokio::test]
async fn lines_are_handed_on_and_a_missing_reader_does_not_matter() {
    let (sink, mut lines) = mpsc::channel(8);
    let mut watched = capture(vec![err(b"a\nb")], Some(sink));
    assert!(matches!(watched.read().await, Flow::End));
    drop(watched);
    let mut texts = Vec::new();
    while let Some(line) = lines.recv().await {
        texts.push(line.text);
    }
    assert_eq!(texts, ["a", "b"]);

    let (sink, lines) = mpsc::channel(1);
    drop(lines);
    let mut unwatched = capture(vec![err(b"a\nb\nc\n"), out(b"x")], Some(sink));
    assert!(matches!(unwatched.read().await, Flow::End));
    assert_eq!(unwatched.into_parts().0, "x");
}

#[tokio::test]
async fn silence_is_noticed_but_not_before_what_was_said() {
    let frames = futures::stream::iter(vec![out(b"1")]).chain(futures::stream::pending());
    let limits = Limits { silence_seconds: Some(0), ..limits() };
    let mut silent = Capture::new(Box::pin(frames), limits, None);
    assert!(matches!(silent.read().await, Flow::Broke(Ending::Silent)));
    assert_eq!(silent.into_parts().0, "1");
}

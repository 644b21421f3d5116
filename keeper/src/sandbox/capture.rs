//! Owns the reading of an agent's streams: exact bytes up to the caps, and lines to watch.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::lines::Lines;
use super::types::{Ending, Limits, LogLine};

type Frames = Pin<Box<dyn Stream<Item = Result<LogOutput, DockerError>> + Send>>;

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Flow {
    /// Both streams are at their end.
    End,
    /// A cap was broken or nothing was said for too long.
    Broke(Ending),
    /// The engine stopped sending properly.
    Lost(DockerError),
}

/// The streams of one container.
pub(super) struct Capture {
    frames: Frames,
    limits: Limits,
    output: Vec<u8>,
    log: Vec<u8>,
    lines: Lines,
    sink: Option<mpsc::Sender<LogLine>>,
    heard: Instant,
}

impl Capture {
    pub(super) fn new(frames: Frames, limits: Limits, sink: Option<mpsc::Sender<LogLine>>) -> Self {
        Self {
            frames,
            limits,
            output: Vec::new(),
            log: Vec::new(),
            lines: Lines::default(),
            sink,
            heard: Instant::now(),
        }
    }

    /// Reads until there is a reason to stop. Nothing is lost if the future is dropped and
    /// reading goes on later. A slow reader of the lines slows the agent, within its time.
    pub(super) async fn read(&mut self) -> Flow {
        loop {
            self.hand_on().await;
            let silence = self.limits.silence_seconds.map(Duration::from_secs);
            let frame = match silence {
                None => self.frames.next().await,
                Some(most) => {
                    match tokio::time::timeout_at(self.heard + most, self.frames.next()).await {
                        Ok(frame) => frame,
                        Err(_) => return Flow::Broke(Ending::Silent),
                    }
                }
            };
            self.heard = Instant::now();
            match frame {
                None => {
                    self.lines.finish();
                    self.hand_on().await;
                    return Flow::End;
                }
                Some(Err(error)) => return Flow::Lost(error),
                Some(Ok(frame)) => {
                    if let Some(ending) = self.take(frame) {
                        return Flow::Broke(ending);
                    }
                }
            }
        }
    }

    /// Reads on to the end without handing on lines, and drops what is over the caps: an
    /// engine whose output nobody takes does not report the end of a container either.
    pub(super) async fn drain(&mut self) {
        self.sink = None;
        self.limits.silence_seconds = None;
        while let Flow::Broke(_) = self.read().await {}
    }

    /// Begins the time of silence anew.
    pub(super) fn excuse_silence(&mut self) {
        self.heard = Instant::now();
    }

    /// Whether a line has at least `bytes` bytes.
    pub(super) fn has_line_of(&self, bytes: usize) -> bool {
        let longest = |stream: &[u8]| stream.split(|b| *b == b'\n').map(<[u8]>::len).max();
        longest(&self.output).max(longest(&self.log)) >= Some(bytes)
    }

    /// What was read, never more than the caps.
    pub(super) fn into_parts(self) -> (Bytes, Bytes) {
        (self.output.into(), self.log.into())
    }

    fn take(&mut self, frame: LogOutput) -> Option<Ending> {
        match frame {
            LogOutput::StdOut { message } => {
                let fits = append(&mut self.output, &message, self.limits.output_bytes);
                (!fits).then_some(Ending::OutputTooLarge)
            }
            LogOutput::StdErr { message } => {
                let before = self.log.len();
                let fits = append(&mut self.log, &message, self.limits.log_bytes);
                self.lines.push(&self.log[before..]);
                (!fits).then_some(Ending::LogTooLarge)
            }
            // Neither exists without a terminal.
            LogOutput::StdIn { .. } | LogOutput::Console { .. } => None,
        }
    }

    async fn hand_on(&mut self) {
        while !self.lines.is_empty() {
            let Some(sink) = &self.sink else {
                self.lines.next();
                continue;
            };
            // Reserving first keeps the line if the future is dropped meanwhile.
            let Ok(place) = sink.reserve().await else {
                // Nobody watches any more; the run goes on.
                self.sink = None;
                continue;
            };
            if let Some(line) = self.lines.next() {
                place.send(line);
            }
        }
    }
}

/// Appends up to the cap; false if something had to be left out.
fn append(kept: &mut Vec<u8>, more: &[u8], cap: u64) -> bool {
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    let room = cap.saturating_sub(kept.len());
    kept.extend_from_slice(&more[..more.len().min(room)]);
    more.len() <= room
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;

//! One connection: a request, its answer, the next, until the peer leaves or dawdles.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use domain::wire::{FrameError, RefusalCode, Request, Response, read_frame, write_frame};

use crate::config::SocketOptions;
use crate::refusal::Refusal;
use crate::service::Service;

/// Answers one peer's requests in their order.
pub fn serve(mut stream: UnixStream, service: &Service, options: &SocketOptions) {
    if let Err(error) = converse(&mut stream, service, options) {
        tracing::debug!(%error, "connection ended");
        let refusal = match error {
            // Nobody is there, or nobody listens.
            FrameError::Io(_) | FrameError::Truncated => return,
            error => Refusal::new(RefusalCode::Malformed, error.to_string()),
        };
        // What follows an unreadable frame cannot be trusted to be one: say why, and end.
        if let Err(error) = write_frame(&mut stream, &Response::from(refusal)) {
            tracing::debug!(%error, "the peer could not be told");
        }
    }
}

fn converse(
    stream: &mut UnixStream,
    service: &Service,
    options: &SocketOptions,
) -> Result<(), FrameError> {
    stream.set_write_timeout(Some(options.frame_timeout))?;
    loop {
        let mut patient = Patient {
            stream: &*stream,
            deadline: Instant::now() + options.idle_timeout,
            frame_timeout: Some(options.frame_timeout),
        };
        let Some(request) = read_frame::<Request>(&mut patient)? else { return Ok(()) };
        write_frame(stream, &service.answer(&request))?;
    }
}

/// A reader with a deadline for the whole frame, however slowly its bytes drip in.
struct Patient<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
    /// Starts to count with the first byte.
    frame_timeout: Option<Duration>,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let count = self.stream.read(buffer)?;
        if count > 0
            && let Some(timeout) = self.frame_timeout.take()
        {
            self.deadline = Instant::now() + timeout;
        }
        Ok(count)
    }
}

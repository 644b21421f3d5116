//! The Docker engine behind a socket on which chosen requests are refused, in the words of an
//! engine that only speaks Docker's API.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const ENGINE: &str = "/var/run/docker.sock";

/// What is refused: requests whose first line contains the text.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub request: &'static str,
    pub status: u16,
    pub message: &'static str,
}

/// The socket.
pub struct RefusingEngine {
    pub socket: PathBuf,
    refusal: Arc<Mutex<Option<Refusal>>>,
    refused: Arc<AtomicU32>,
    server: JoinHandle<()>,
}

impl RefusingEngine {
    /// Listens there. The socket's folder gets the engine's pid file, as where systemd made the
    /// socket: the engine is known by it.
    pub fn start(socket: &Path, refusal: Option<Refusal>) -> Self {
        let pid = socket.with_file_name("docker.pid");
        std::fs::copy("/var/run/docker.pid", pid).expect("the engine's pid");
        let listener = UnixListener::bind(socket).expect("a socket");
        let (refusal, refused) = (Arc::new(Mutex::new(refusal)), Arc::new(AtomicU32::new(0)));
        let (rule, count) = (refusal.clone(), refused.clone());
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                connections.spawn(serve(client, rule.clone(), count.clone()));
            }
        });
        Self { socket: socket.to_owned(), refusal, refused, server }
    }

    /// Refuses other requests from now on, or none.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        *self.refusal.lock() = refusal;
    }

    /// How many requests were refused.
    pub fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for RefusingEngine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Hands one connection on. Plain requests get a connection each, so that every one is seen.
async fn serve(mut client: UnixStream, rule: Arc<Mutex<Option<Refusal>>>, count: Arc<AtomicU32>) {
    let mut seen = Vec::new();
    let end = loop {
        let mut some = [0; 4096];
        match client.read(&mut some).await {
            Ok(0) | Err(_) => return,
            Ok(bytes) => seen.extend_from_slice(&some[..bytes]),
        }
        if let Some(end) = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&seen[..end]).into_owned();
    let first = head.lines().next().unwrap_or_default();
    let refusal = rule.lock().clone().filter(|refusal| first.contains(refusal.request));
    if let Some(Refusal { status, message, .. }) = refusal {
        count.fetch_add(1, Ordering::Relaxed);
        // A socket that is closed with something unread loses what was answered, too.
        let length = head.to_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut rest = vec![0; (end + 4 + length).saturating_sub(seen.len())];
        if client.read_exact(&mut rest).await.is_err() {
            return;
        }
        let body = format!("{{\"message\":{message:?}}}");
        let answer = format!(
            "HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = client.write_all(answer.as_bytes()).await;
        let _ = client.shutdown().await;
        return;
    }
    let mut engine = UnixStream::connect(ENGINE).await.expect("a Docker engine");
    let upgrades = head.to_lowercase().contains("\r\nupgrade:");
    let close: &[u8] = if upgrades { b"" } else { b"\r\nConnection: close" };
    let parts = [&seen[..end], close, &seen[end..]].concat();
    if engine.write_all(&parts).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
    }
}

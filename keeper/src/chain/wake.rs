//! Being told of new blocks, where the node offers it: a hint when to look, never a fact.
//!
//! A quiet chain then costs one question a second instead of one in every poll interval, and a
//! new block is seen at once. A node without WebSocket, or one that falls silent, costs nothing
//! but that: the watcher looks all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alloy::transports::http::reqwest::Url;
use futures::{SinkExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::error::{ChainError, Doing};
use crate::backoff::Backoff;

/// Pause between two looks at a quiet chain whose node tells of new blocks.
const QUIET: Duration = Duration::from_secs(1);
/// How long the watcher looks often after it was told of a block that it does not find yet.
const EAGER: Duration = Duration::from_secs(1);
/// Longest wait for the node to agree.
const WITHIN: Duration = Duration::from_secs(10);
/// What it is asked.
const SUBSCRIBE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;
/// First and longest pause before a node that does not tell is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// Decides when the watcher looks next.
#[derive(Debug)]
pub(super) struct Wake {
    told: Arc<Told>,
    /// Pause between two looks without being told.
    interval: Duration,
    eager: Option<Instant>,
}

/// Shared by the watcher and the one who listens.
#[derive(Debug, Default)]
pub(super) struct Told {
    block: Notify,
    listening: AtomicBool,
}

impl Wake {
    pub(super) fn new(interval: Duration) -> (Self, Arc<Told>) {
        let told = Arc::new(Told::default());
        (Self { told: told.clone(), interval, eager: None }, told)
    }

    /// Notes that a new block was found.
    pub(super) const fn found(&mut self) {
        self.eager = None;
    }

    /// Waits until it is time to look.
    pub(super) async fn next_look(&mut self) {
        let pause = self.pause();
        tokio::select! {
            () = self.told.block.notified() => self.eager = Some(Instant::now() + EAGER),
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// The pause before the next look if nobody tells of a block.
    fn pause(&self) -> Duration {
        let eager = self.eager.is_some_and(|until| Instant::now() < until);
        match self.told.listening.load(Ordering::Relaxed) && !eager {
            true => self.interval.max(QUIET),
            false => self.interval,
        }
    }
}

/// Listens for as long as it is let; a node that does not tell is asked again ever more seldom.
pub(super) async fn listen(rpc_url: Url, told: Arc<Told>) {
    let Some(url) = websocket(rpc_url) else { return };
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    loop {
        let heard = hear(&url, &told).await;
        if told.listening.swap(false, Ordering::Relaxed) {
            backoff.reset();
        }
        if let Err(error) = heard {
            tracing::debug!(%error, "the node does not tell of new blocks; it is polled");
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Passes on what the node tells until the connection ends.
async fn hear(url: &Url, told: &Told) -> Result<(), ChainError> {
    const DOING: &str = "listening for new blocks";
    let connected = timeout(WITHIN, connect_async(url.as_str())).await.doing(DOING)?;
    let (mut node, _) = connected.doing(DOING)?;
    node.send(Message::text(SUBSCRIBE)).await.doing(DOING)?;
    // The first message is the answer; a refusal is one, too, and then no more will come.
    let answer = timeout(WITHIN, node.next()).await.doing(DOING)?;
    let accepted = answer.is_some_and(|answer| {
        answer.is_ok_and(|answer| answer.to_text().is_ok_and(|text| text.contains("\"result\"")))
    });
    if !accepted {
        return Err(ChainError::rpc(DOING, &"the node refuses the subscription"));
    }
    tracing::debug!("the node tells of new blocks");
    told.listening.store(true, Ordering::Relaxed);
    while let Some(message) = node.next().await {
        if message.doing(DOING)?.is_text() {
            told.block.notify_one();
        }
    }
    Ok(())
}

/// The same address for WebSocket connections.
fn websocket(mut url: Url) -> Option<Url> {
    let scheme = match url.scheme() {
        "http" => "ws",
        "https" => "wss",
        _ => return None,
    };
    url.set_scheme(scheme).ok().map(|()| url)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_node_that_speaks_no_websocket_is_an_error_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hung_up = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        for scheme in ["http", "https"] {
            let url = websocket(format!("{scheme}://{address}/secret").parse().unwrap()).unwrap();
            assert_eq!(url.scheme(), scheme.replace("http", "ws"));
            let told = Told::default();
            let error = hear(&url, &told).await.unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(!told.listening.load(Ordering::Relaxed));
        }
        hung_up.abort();
    }

    #[tokio::test]
    async fn a_quiet_chain_is_looked_at_seldom_until_the_node_tells_of_a_block() {
        let interval = Duration::from_millis(50);
        let (mut wake, told) = Wake::new(interval);
        assert_eq!(wake.pause(), interval, "it is polled while nobody tells");
        told.listening.store(true, Ordering::Relaxed);
        assert_eq!(wake.pause(), QUIET);
        told.block.notify_one();
        wake.next_look().await;
        assert_eq!(wake.pause(), interval, "often until the block is found");
        wake.found();
        assert_eq!(wake.pause(), QUIET);
        let (slow, told) = Wake::new(QUIET * 2);
        told.listening.store(true, Ordering::Relaxed);
        assert_eq!(slow.pause(), QUIET * 2, "never more often than configured");
    }
}

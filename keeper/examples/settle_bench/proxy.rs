//! A proxy before the node that holds the bundler's transactions back until released.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The proxy.
pub struct Proxy {
    address: SocketAddr,
    released: watch::Sender<bool>,
}

#[derive(Clone)]
struct Shared {
    node: String,
    client: reqwest::Client,
    released: watch::Receiver<bool>,
}

impl Proxy {
    /// Starts it before the node at that URL.
    pub async fn start(node: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a port")?;
        let address = listener.local_addr()?;
        let (released, watched) = watch::channel(false);
        let shared = Shared { node, client: reqwest::Client::new(), released: watched };
        let router = Router::new().route("/", post(forward)).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, released })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets everything through from now on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn forward(State(mut shared): State<Shared>, body: Bytes) -> Response {
    let is_sending = body.windows(23).any(|part| part == b"\"eth_sendRawTransaction");
    if is_sending && shared.released.wait_for(|released| *released).await.is_err() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let sent = shared.client.post(&shared.node).header(CONTENT_TYPE, "application/json").body(body);
    let answer = async { sent.send().await?.bytes().await };
    match answer.await {
        Ok(answer) => ([(CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

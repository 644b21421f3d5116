//! A JSON-RPC proxy between keeper and node: it can hold single calls, answer wrongly, and die and
//! come back.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::faults::Faults;
use super::gate::{Gate, Place};

/// The proxy.
pub struct RpcProxy {
    pub gate: Gate,
    pub faults: Faults,
    address: SocketAddr,
    node: String,
    server: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    gate: Gate,
    faults: Faults,
    node: String,
    client: reqwest::Client,
}

impl RpcProxy {
    /// Starts it before the node at that URL.
    pub async fn start(node: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut proxy =
            Self { gate: Gate::default(), faults: Faults::default(), address, node, server: None };
        proxy.serve(listener);
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every connection, as a dying node does.
    pub async fn die(&mut self) {
        let server = self.server.take().expect("it lives");
        server.abort();
        let _ = server.await;
    }

    /// Comes back on the same port.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let client = reqwest::Client::new();
        let (gate, faults) = (self.gate.clone(), self.faults.clone());
        let shared = Shared { gate, faults, node: self.node.clone(), client };
        let router = Router::new().route("/", post(forward)).with_state(shared);
        self.server = Some(tokio::spawn(async move {
            // Connections must die with the server: serve them inside this task alone.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let router = router.clone();
                connections.spawn(async move {
                    let service = hyper_util::service::TowerToHyperService::new(router);
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await;
                });
            }
        }));
    }
}

impl Drop for RpcProxy {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn forward(State(shared): State<Shared>, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    shared.gate.pass(&text, Place::Request).await;
    let ask = |body: Bytes| {
        let sent = shared.client.post(&shared.node).header(CONTENT_TYPE, "application/json");
        async { sent.body(body).send().await.expect("the node answers").bytes().await }
    };
    let ask = async |body: Bytes| ask(body).await.expect("the node answers");
    if let Some(answer) = shared.faults.answer(&body, &ask).await {
        return answer;
    }
    let answer = ask(body).await;
    shared.gate.pass(&text, Place::Answer).await;
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

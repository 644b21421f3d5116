//! A JSON-RPC proxy between keeper and node: it can hold single calls, answer wrongly, and die and
//! come back.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::faults::Faults;
use super::gate::{Gate, Place};

/// Changes the results of single calls, given their method.
type Lie = Box<dyn FnMut(&str, &mut Value) + Send>;

/// The proxy.
pub struct RpcProxy {
    pub gate: Gate,
    pub faults: Faults,
    lie: Arc<Mutex<Option<Lie>>>,
    address: SocketAddr,
    node: String,
    server: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    gate: Gate,
    faults: Faults,
    lie: Arc<Mutex<Option<Lie>>>,
    node: String,
    client: reqwest::Client,
}

impl RpcProxy {
    /// Starts it before the node at that URL.
    pub async fn start(node: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (gate, faults, lie) = (Gate::default(), Faults::default(), Arc::default());
        let mut proxy = Self { gate, faults, lie, address, node, server: None };
        proxy.serve(listener);
        proxy
    }

    /// Changes answers from now on.
    pub fn lie(&self, lie: impl FnMut(&str, &mut Value) + Send + 'static) {
        *self.lie.lock() = Some(Box::new(lie));
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
        let (gate, lie, node) = (self.gate.clone(), self.lie.clone(), self.node.clone());
        let shared = Shared { gate, faults: self.faults.clone(), lie, node, client };
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
    let answer = alter(&shared, &text, ask(body).await);
    shared.gate.pass(&text, Place::Answer).await;
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

fn alter(shared: &Shared, request: &str, answer: Bytes) -> Bytes {
    let mut lie = shared.lie.lock();
    let Some(lie) = &mut *lie else { return answer };
    let (request, mut value): (Value, Value) =
        match (serde_json::from_str(request), serde_json::from_slice(&answer)) {
            (Ok(request), Ok(answer)) => (request, answer),
            _ => return answer,
        };
    if let (Some(method), Some(result)) = (request["method"].as_str(), value.get_mut("result")) {
        lie(method, result);
    }
    value.to_string().into()
}

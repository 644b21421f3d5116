//! A proxy in front of a node that answers wrongly when told to.
#![allow(dead_code, missing_docs)]

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// A wrong answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection breaks before the node hears anything.
    DroppedRequest,
    /// The node does as asked; the connection breaks before its answer.
    DroppedAnswer,
    /// 429, with the seconds of `Retry-After` if any; the node hears nothing.
    TooMany(Option<u32>),
    /// A web page in place of an answer; the node does as asked.
    Html,
    /// Half of the answer; the node does as asked.
    Truncated,
    /// This result, in place of the node's.
    Result(Value),
    /// An error in place of the result; the node hears nothing.
    Error(i64, &'static str),
}

struct Rule {
    method: String,
    fault: Fault,
    times: u32,
    after_sending: bool,
}

#[derive(Default)]
struct Book {
    rules: Vec<Rule>,
    calls: Vec<String>,
}

#[derive(Clone)]
struct Shared {
    node: String,
    book: Arc<Mutex<Book>>,
    client: reqwest::Client,
}

pub struct FaultProxy {
    address: SocketAddr,
    shared: Shared,
    server: JoinHandle<()>,
}

const SENDING: &str = "eth_sendRawTransaction";

impl FaultProxy {
    /// Starts it before the node at that URL.
    pub async fn start(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Shared { node: node.to_owned(), book: Arc::default(), client: reqwest::Client::new() };
        let router = Router::new()
            .route("/", post(forward))
            .route("/v2/{key}", post(forward))
            .with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next `times` calls of a method wrongly.
    pub fn break_next(&self, method: &str, fault: Fault, times: u32) {
        self.add(method, fault, times, false);
    }

    /// Answers `times` calls of a method wrongly, once a transaction was sent.
    pub fn break_after_sending(&self, method: &str, fault: Fault, times: u32) {
        self.add(method, fault, times, true);
    }

    fn add(&self, method: &str, fault: Fault, times: u32, after_sending: bool) {
        let rule = Rule { method: method.to_owned(), fault, times, after_sending };
        self.shared.book.lock().unwrap().rules.push(rule);
    }

    /// Forgets all rules and calls.
    pub fn reset(&self) {
        *self.shared.book.lock().unwrap() = Book::default();
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        let book = self.shared.book.lock().unwrap();
        book.calls.iter().filter(|call| *call == method).count()
    }

    /// The names of all methods that were called.
    pub fn methods(&self) -> BTreeSet<String> {
        self.shared.book.lock().unwrap().calls.iter().cloned().collect()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Book {
    /// Notes a call; gives the fault that it meets.
    fn meet(&mut self, method: &str) -> Option<Fault> {
        let sent = self.calls.iter().any(|call| call == SENDING);
        self.calls.push(method.to_owned());
        let rule = self.rules.iter_mut().find(|rule| {
            rule.method == method && rule.times > 0 && (sent || !rule.after_sending)
        })?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

async fn forward(State(shared): State<Shared>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap_or("batch").to_owned();
    let fault = shared.book.lock().unwrap().meet(&method);
    let reply = |part: Value| {
        let mut answer = json!({ "jsonrpc": "2.0", "id": request["id"] });
        answer.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        as_json(Bytes::from(answer.to_string()))
    };
    match &fault {
        Some(Fault::DroppedRequest) => return broken(),
        Some(Fault::TooMany(None)) => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        Some(Fault::TooMany(Some(seconds))) => {
            let after = [(header::RETRY_AFTER, seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, after).into_response();
        }
        Some(Fault::Error(code, message)) => {
            return reply(json!({ "error": { "code": code, "message": message } }));
        }
        _ => {}
    }
    let sent = shared.client.post(&shared.node).header(header::CONTENT_TYPE, "application/json");
    let Ok(answer) = sent.body(body).send().await else { return broken() };
    let answer = answer.bytes().await.unwrap();
    match fault {
        Some(Fault::DroppedAnswer) => broken(),
        Some(Fault::Html) => "<html><body>502 Bad Gateway</body></html>".into_response(),
        Some(Fault::Truncated) => as_json(answer.slice(..answer.len() / 2)),
        Some(Fault::Result(result)) => reply(json!({ "result": result })),
        _ => as_json(answer),
    }
}

fn as_json(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// An answer whose connection breaks.
fn broken() -> Response {
    let end = std::io::Error::other("broken on purpose");
    let body = futures::stream::iter([Err::<Bytes, _>(end)]);
    Response::new(Body::from_stream(body))
}

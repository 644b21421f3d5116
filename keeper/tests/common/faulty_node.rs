//! A node that answers as a test wants it to: wrongly, once or as often as it likes.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What comes back for one request.
pub enum Answer {
    /// What the real node says.
    True,
    /// This result.
    Result(Value),
    /// What the real node says, changed.
    Edited(fn(&mut Value)),
    /// This error of the node.
    Error(i64, &'static str),
    /// This HTTP status.
    Status(u16),
    /// Nothing: the connection ends.
    Dropped,
}

type Rule = Box<dyn FnMut(&str, &Value) -> Answer + Send>;

/// The node.
pub struct FaultyNode {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    node: String,
    client: reqwest::Client,
    rule: Mutex<Rule>,
    asked: Mutex<HashMap<String, usize>>,
}

impl FaultyNode {
    /// Stands before the node at that URL, and tells the truth for now.
    pub async fn start(node: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            node,
            client: reqwest::Client::new(),
            rule: Mutex::new(Box::new(|_, _| Answer::True)),
            asked: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, shared.clone()));
        Self { url, shared, server }
    }

    pub fn url(&self) -> reqwest::Url {
        self.url.parse().expect("a URL")
    }

    /// Answers by that rule, which is given method and parameters, from now on.
    pub fn answer(&self, rule: impl FnMut(&str, &Value) -> Answer + Send + 'static) {
        *self.shared.rule.lock() = Box::new(rule);
    }

    /// Gives the same wrong answer to the first so many requests of a method.
    pub fn fail(&self, times: usize, method: &'static str, answer: fn() -> Answer) {
        let mut left = times;
        self.answer(move |asked, _| {
            if asked == method && left > 0 {
                left -= 1;
                return answer();
            }
            Answer::True
        });
    }

    /// How often a method was asked for.
    pub fn count(&self, method: &str) -> usize {
        self.shared.asked.lock().get(method).copied().unwrap_or(0)
    }
}

impl Drop for FaultyNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let shared = shared.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| reply(shared.clone(), request));
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

async fn reply(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let body = to_bytes(Body::new(request.into_body()), usize::MAX).await;
    let body = body.map_err(io::Error::other)?;
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return Ok(status(StatusCode::METHOD_NOT_ALLOWED));
    };
    let method = asked["method"].as_str().unwrap_or_default().to_owned();
    *shared.asked.lock().entry(method.clone()).or_default() += 1;
    let answer = (shared.rule.lock())(&method, &asked["params"]);
    let envelope = |key: &str, value: Value| json!({"jsonrpc":"2.0","id":asked["id"],key:value});
    let json = match answer {
        Answer::True => ask(&shared, body).await?,
        Answer::Edited(edit) => {
            let mut json = ask(&shared, body).await?;
            edit(&mut json["result"]);
            json
        }
        Answer::Result(value) => envelope("result", value),
        Answer::Error(code, message) => envelope("error", json!({"code":code,"message":message})),
        Answer::Status(code) => {
            return Ok(status(StatusCode::from_u16(code).expect("a status")));
        }
        Answer::Dropped => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    let mut response = Response::new(Body::from(json.to_string()));
    let kind = "application/json".parse().expect("a value");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from("no JSON at all"));
    *response.status_mut() = code;
    response
}

async fn ask(shared: &Shared, body: bytes::Bytes) -> io::Result<Value> {
    let sent = shared.client.post(&shared.node).header("content-type", "application/json");
    let answer = sent.body(body).send().await.map_err(io::Error::other)?;
    answer.json().await.map_err(io::Error::other)
}

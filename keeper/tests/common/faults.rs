//! Faults of a node: answers that are wrong for one method, a few times.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A wrong answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A JSON-RPC error that says nothing.
    Error,
    /// HTTP 429.
    Busy,
    /// HTTP 429 with `Retry-After: 1`.
    BusyForASecond,
    /// The connection closes before the node hears of the request.
    Refused,
    /// The node does what was asked; its answer is lost with the connection.
    AnswerLost,
    /// No answer until the client gives up.
    Silence,
    /// A web page, with status 200.
    WebPage,
    /// The first half of the answer.
    Half,
    /// `null` as the result.
    Null,
    /// An empty list, or empty bytes.
    Empty,
    /// The answer of one block ago.
    Stale,
    /// A number that is 3 too high.
    Ahead,
    /// "header not found", as of a backend that does not have the block yet.
    OtherBackend,
    /// "block range is too large", to every range of more than one block.
    RangeLimit,
    /// "query returned more than 10000 results", to every range of more than one block.
    ResultLimit,
}

impl Fault {
    /// Every fault, in the order of the table in the book.
    pub const ALL: &[Self] = &[
        Self::Error,
        Self::Busy,
        Self::BusyForASecond,
        Self::Refused,
        Self::AnswerLost,
        Self::Silence,
        Self::WebPage,
        Self::Half,
        Self::Null,
        Self::Empty,
        Self::Stale,
        Self::Ahead,
        Self::OtherBackend,
        Self::RangeLimit,
        Self::ResultLimit,
    ];

    /// The column's title in the book.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Busy => "429",
            Self::BusyForASecond => "429, Retry-After",
            Self::Refused => "dropped before",
            Self::AnswerLost => "dropped after",
            Self::Silence => "slow",
            Self::WebPage => "HTML",
            Self::Half => "truncated",
            Self::Null => "null",
            Self::Empty => "empty",
            Self::Stale => "one block old",
            Self::Ahead => "ahead",
            Self::OtherBackend => "other backend",
            Self::RangeLimit => "range limit",
            Self::ResultLimit => "result limit",
        }
    }

    /// Whether a node can give this answer to that method at all.
    pub fn fits(self, method: &str) -> bool {
        let number = matches!(method, "eth_blockNumber" | "eth_getTransactionCount");
        let reads_state = matches!(
            method,
            "eth_call"
                | "eth_estimateGas"
                | "eth_getBalance"
                | "eth_getCode"
                | "eth_getStorageAt"
                | "eth_getTransactionCount"
        );
        let list = matches!(method, "eth_getLogs" | "eth_getBlockReceipts");
        match self {
            Self::Empty => list || matches!(method, "eth_call" | "eth_getCode"),
            Self::Stale => {
                number
                    || matches!(method, "eth_call" | "eth_getBalance")
                    || method == "eth_getBlockByNumber"
            }
            Self::Ahead => number,
            Self::OtherBackend => reads_state || list || method == "eth_getBlockByHash",
            Self::RangeLimit | Self::ResultLimit => method == "eth_getLogs",
            _ => true,
        }
    }

    /// Times that it is given: what clients ask again by themselves comes more than once.
    const fn times(self) -> u32 {
        match self {
            Self::Busy | Self::Refused | Self::WebPage | Self::Half | Self::RangeLimit => 2,
            Self::ResultLimit => 2,
            _ => 1,
        }
    }
}

/// The faults that a proxy has yet to commit, and the requests that it saw.
#[derive(Clone, Default)]
pub struct Faults {
    armed: Arc<Mutex<Option<Armed>>>,
    seen: Arc<Mutex<BTreeMap<String, u32>>>,
    changed: Arc<Notify>,
}

struct Armed {
    method: String,
    fault: Fault,
    left: u32,
    given: u32,
}

impl Faults {
    /// Arms one fault for the next requests of that method; replaces an armed one.
    pub fn arm(&self, method: &str, fault: Fault) {
        let method = method.to_owned();
        *self.armed.lock() = Some(Armed { method, fault, left: fault.times(), given: 0 });
    }

    /// Disarms; gives the number of times that the fault was committed.
    pub fn disarm(&self) -> u32 {
        self.armed.lock().take().map_or(0, |armed| armed.given)
    }

    /// The number of times that the armed fault was committed so far.
    pub fn given(&self) -> u32 {
        self.armed.lock().as_ref().map_or(0, |armed| armed.given)
    }

    /// Forgets the requests seen and returns their numbers by method.
    pub fn take_seen(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut self.seen.lock())
    }

    fn next(&self, request: &Value) -> Option<Fault> {
        let method = request["method"].as_str().unwrap_or_default();
        *self.seen.lock().entry(method.to_owned()).or_default() += 1;
        self.changed.notify_waiters();
        let mut armed = self.armed.lock();
        let armed = armed.as_mut().filter(|armed| armed.method == method && armed.left > 0)?;
        let limits_ranges = matches!(armed.fault, Fault::RangeLimit | Fault::ResultLimit);
        if limits_ranges && !asks_for_range(request) {
            return None;
        }
        // A block that is named by its number is never one block old.
        if armed.fault == Fault::Stale && method == "eth_getBlockByNumber" {
            (request["params"][0] == "latest").then_some(())?;
        }
        armed.left -= 1;
        armed.given += 1;
        Some(armed.fault)
    }

    /// Answers in the node's place, if a fault is armed for this request; `ask` asks the node.
    pub async fn answer<F: Future<Output = Bytes>>(
        &self,
        body: &Bytes,
        ask: impl Fn(Bytes) -> F,
    ) -> Option<Response> {
        let request: Value = serde_json::from_slice(body).ok()?;
        let fault = self.next(&request)?;
        let id = request["id"].clone();
        let error = |code: i64, message: &str| {
            Some(reply(
                &json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}),
            ))
        };
        let result =
            |result: Value| Some(reply(&json!({"jsonrpc": "2.0", "id": id, "result": result})));
        match fault {
            Fault::Error => error(-32603, "internal error"),
            Fault::Busy => Some(StatusCode::TOO_MANY_REQUESTS.into_response()),
            Fault::BusyForASecond => {
                Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response())
            }
            Fault::Refused => Some(broken_off()),
            Fault::AnswerLost => {
                ask(body.clone()).await;
                Some(broken_off())
            }
            Fault::Silence => std::future::pending().await,
            Fault::WebPage => {
                let page = "<html><body>502 Bad Gateway</body></html>";
                Some(([(header::CONTENT_TYPE, "text/html")], page).into_response())
            }
            Fault::Half => {
                let whole = ask(body.clone()).await;
                Some(whole.slice(..whole.len() / 2).into_response())
            }
            Fault::Null => result(Value::Null),
            Fault::Empty if request["method"] == "eth_getLogs" => result(json!([])),
            Fault::Empty if request["method"] == "eth_getBlockReceipts" => result(json!([])),
            Fault::Empty => result(json!("0x")),
            Fault::Stale => Some(reply(&one_block_old(&request, ask).await)),
            Fault::Ahead => {
                let mut answer = parse(&ask(body.clone()).await);
                answer["result"] = json!(format!("{:#x}", number(&answer["result"]) + 3));
                Some(reply(&answer))
            }
            Fault::OtherBackend => error(-32000, "header not found"),
            Fault::RangeLimit => error(-32602, "block range is too large, maximum is 1"),
            Fault::ResultLimit => error(-32005, "query returned more than 10000 results"),
        }
    }
}

/// What the node would have said before its newest block.
async fn one_block_old<F: Future<Output = Bytes>>(
    request: &Value,
    ask: impl Fn(Bytes) -> F,
) -> Value {
    let send = |request: &Value| ask(request.to_string().into());
    let height = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []});
    let height = number(&parse(&send(&height).await)["result"]);
    let before = json!(format!("{:#x}", height.saturating_sub(1)));
    let mut request = request.clone();
    match request["method"].as_str().unwrap_or_default() {
        "eth_blockNumber" => {
            return json!({"jsonrpc": "2.0", "id": request["id"], "result": before});
        }
        "eth_getBlockByNumber" => request["params"][0] = before,
        _ => request["params"][1] = before,
    }
    parse(&send(&request).await)
}

fn asks_for_range(request: &Value) -> bool {
    let filter = &request["params"][0];
    filter["blockHash"].is_null() && filter["fromBlock"] != filter["toBlock"]
}

fn number(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("a quantity");
    u64::from_str_radix(digits, 16).expect("a quantity")
}

fn parse(answer: &Bytes) -> Value {
    serde_json::from_slice(answer).expect("the node answers in JSON")
}

fn reply(answer: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

/// A response whose connection breaks before its content comes.
fn broken_off() -> Response {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(futures::stream::iter([Err::<Bytes, _>(error)])).into_response()
}

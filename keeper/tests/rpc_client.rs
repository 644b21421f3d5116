//! The JSON-RPC client against a node that fails in passing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
enum Say {
    Status(u16),
    Later,
    Page,
    Half,
    Result(&'static str),
    Error(i64, &'static str),
}

/// A node that says one thing after the other, and counts the requests.
#[derive(Clone)]
struct Node(Arc<Mutex<(VecDeque<Say>, u32)>>);

async fn answer(State(node): State<Node>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).expect("a request");
    let say = {
        let (script, asked) = &mut *node.0.lock();
        *asked += 1;
        script.pop_front().expect("one more answer")
    };
    let reply = |field: &str, value: Value| {
        json!({"jsonrpc": "2.0", "id": request["id"], field: value}).to_string()
    };
    match say {
        Say::Status(code) => StatusCode::from_u16(code).expect("a status").into_response(),
        Say::Later => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response(),
        Say::Page => "<html>".into_response(),
        Say::Half => r#"{"jsonrpc":"2.0","id":0,"resu"#.into_response(),
        Say::Result(text) => {
            reply("result", serde_json::from_str(text).expect("JSON")).into_response()
        }
        Say::Error(code, message) => {
            reply("error", json!({"code": code, "message": message})).into_response()
        }
    }
}

async fn node(script: &[Say]) -> (RpcClient, Node) {
    let node = Node(Arc::new(Mutex::new((script.iter().copied().collect(), 0))));
    let router = Router::new().route("/", post(answer)).with_state(node.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = url.parse().expect("a URL");
    (keeper::rpc::connect(url, Duration::from_secs(5)).expect("a client"), node)
}

fn asked(node: &Node) -> u32 {
    node.0.lock().1
}

#[tokio::test]
async fn what_fails_in_passing_is_asked_again() {
    let one = Say::Result("\"0x1\"");
    for script in [
        vec![one],
        vec![Say::Status(429), Say::Later, Say::Status(502), one],
        vec![Say::Page, Say::Half, Say::Result("null"), one],
        vec![Say::Error(-32005, "limit"), Say::Error(-32000, "header not found"), one],
    ] {
        let (client, node) = node(&script).await;
        let number: String = client.request("eth_blockNumber", ()).await.expect("an answer");
        assert_eq!(number, "0x1");
        assert_eq!(asked(&node) as usize, script.len());
    }
}

#[tokio::test]
async fn an_answer_is_an_answer() {
    let (client, node) = node(&[Say::Error(3, "execution reverted"), Say::Result("null")]).await;
    let reverted = client.request::<_, Value>("eth_call", ()).await.expect_err("a revert");
    assert!(reverted.to_string().contains("execution reverted"), "{reverted}");
    let receipt: Value = client.request("eth_getTransactionReceipt", ()).await.expect("null");
    assert!(receipt.is_null(), "a transaction may have no receipt yet");
    assert_eq!(asked(&node), 2);
}

#[tokio::test]
async fn it_gives_up_after_a_few_times_with_the_reason() {
    let (client, node) = node(&[Say::Result("null"); 4]).await;
    let error = client.request::<_, Value>("eth_getLogs", ()).await.expect_err("no answer");
    assert!(error.to_string().contains("null to eth_getLogs"), "{error}");
    assert_eq!(asked(&node), 4);
}

#[tokio::test]
async fn a_transaction_is_sent_again_only_when_it_was_not_taken() {
    let (client, node) = node(&[Say::Status(429), Say::Status(503), Say::Result("\"0x2\"")]).await;
    let hash: String = client.request("eth_sendRawTransaction", ("0x00",)).await.expect("taken");
    assert_eq!((hash.as_str(), asked(&node)), ("0x2", 3));
    for unclear in [Say::Status(500), Say::Page, Say::Half, Say::Error(-32005, "limit")] {
        let (client, node) = self::node(&[unclear]).await;
        client.request::<_, Value>("eth_sendRawTransaction", ("0x00",)).await.expect_err("unclear");
        assert_eq!(asked(&node), 1, "nobody knows whether it was taken");
    }
}

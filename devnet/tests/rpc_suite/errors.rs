//! JSON-RPC errors, batches and limits.

use crate::support::{
    INVALID, REVERTER, call_to, chain, client, deploy, post, post_text, request, rpc_error,
};
use alloy::primitives::hex;
use alloy::sol_types::{Revert, SolError};
use devnet::{Config, Devnet};
use serde_json::json;

#[tokio::test]
async fn malformed_requests_have_the_standard_codes() {
    let node = chain().await;
    let code = |answer: &serde_json::Value| answer["error"]["code"].as_i64();
    let (_, answer) = post_text(&node, "{ not json".to_owned()).await;
    assert_eq!(code(&answer), Some(-32700));
    let (_, answer) = post_text(&node, r#"{"id": 1}"#.to_owned()).await;
    assert_eq!(code(&answer), Some(-32600));
    let answer = post(&node, request("eth_doesNotExist", json!([]))).await;
    assert_eq!(code(&answer), Some(-32601));
    for params in [json!([]), json!(["nonsense", "latest"]), json!({ "address": "0x00" })] {
        let answer = post(&node, request("eth_getBalance", params)).await;
        assert_eq!(code(&answer), Some(-32602), "{answer}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_reverted_call_has_code_3_its_reason_and_its_data() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &REVERTER).await;
    let data = Revert::from("too late").abi_encode();
    let call = json!([call_to(reverter, data.clone()), "latest"]);
    let error = rpc_error(&node, "eth_call", call).await;
    assert_eq!(error["code"], 3);
    assert_eq!(error["message"], "execution reverted: too late");
    assert_eq!(error["data"], hex::encode_prefixed(data));
    let error = rpc_error(&node, "eth_call", json!([{ "to": reverter }, "latest"])).await;
    assert_eq!((&error["message"], &error["data"]), (&json!("execution reverted"), &json!("0x")));
    node.shutdown().await;
}

#[tokio::test]
async fn a_hard_failure_has_the_server_code_and_no_data() {
    let node = chain().await;
    let client = client(&node);
    let invalid = deploy(&client, &INVALID).await;
    let error = rpc_error(&node, "eth_call", json!([{ "to": invalid }, "latest"])).await;
    assert_eq!(error["code"], -32000);
    assert!(error.get("data").is_none(), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn batches_answer_each_request() {
    let node = chain().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [] },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_nothing", "params": [] },
        { "jsonrpc": "2.0", "id": 3, "method": "eth_blockNumber" },
    ]);
    let answers = post(&node, batch).await;
    assert_eq!(answers[0]["result"], "0x64aba");
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["result"], "0x0");
    node.shutdown().await;
}

#[tokio::test]
async fn bodies_and_batches_beyond_the_limits_are_refused() {
    let mut config = Config::default();
    config.limits.batch = 2;
    config.limits.body_bytes = 1_000;
    let node = Devnet::spawn(config).await.unwrap();
    let one = request("eth_chainId", json!([]));
    let answer = post(&node, json!([one, one])).await;
    assert_eq!(answer.as_array().unwrap().len(), 2);
    let answer = post(&node, json!([one, one, one])).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("batch"), "{answer}");
    let large = request("web3_sha3", json!([format!("0x{}", "00".repeat(1_000))]));
    let (status, answer) = post_text(&node, large.to_string()).await;
    assert!(status == 413 || answer["error"].is_object(), "{status} {answer}");
    node.shutdown().await;
}

#[tokio::test]
async fn browsers_on_other_origins_are_allowed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let node = chain().await;
    let mut stream = tokio::net::TcpStream::connect(node.address()).await.unwrap();
    let preflight = "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\
                     Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    stream.write_all(preflight.as_bytes()).await.unwrap();
    let mut answer = String::new();
    crate::support::within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.to_lowercase().contains("access-control-allow-origin: *"), "{answer}");
    node.shutdown().await;
}

#[tokio::test]
async fn what_does_not_exist_is_null() {
    let node = chain().await;
    let hash = format!("0x{}", "11".repeat(32));
    let asked = [
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getBlockByHash", json!([hash, false])),
        ("eth_getBlockByNumber", json!(["0x99", false])),
    ];
    for (method, params) in asked {
        let answer = post(&node, request(method, params)).await;
        assert!(answer.get("error").is_none() && answer["result"].is_null(), "{method} {answer}");
    }
    node.shutdown().await;
}

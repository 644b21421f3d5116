//! JSON-RPC errors, batches and limits.

use crate::support::{
    INVALID, REVERTER, call_to, chain, client, deploy, post, post_text, request, rpc_error,
};
use alloy::primitives::hex;
use alloy::providers::Provider;
use alloy::sol_types::{Revert, SolError};
use devnet::{Config, Devnet};
use serde_json::{Value, json};

#[tokio::test]
async fn malformed_requests_have_the_standard_codes() {
    let node = chain().await;
    for (body, code, message) in [
        ("{ not json", -32700, "Parse error"),
        ("", -32700, "Parse error"),
        ("[1,", -32700, "Parse error"),
        (r#"{"id": 1}"#, -32600, "Invalid request"),
        (r#"{"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}"#, -32600, "Invalid request"),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": 7}"#, -32600, "Invalid request"),
        ("[]", -32600, "empty batch"),
    ] {
        let (_, answer) = post_text(&node, body.to_owned()).await;
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        assert_eq!(answer["error"]["message"], message, "{body}: {answer}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn unknown_methods_are_named() {
    let node = chain().await;
    let want = json!({
        "code": -32601,
        "message": "the method eth_doesNotExist does not exist/is not available",
    });
    assert_eq!(rpc_error(&node, "eth_doesNotExist", json!([])).await, want);
    let ws = crate::support::ws_client(&node).await;
    let error = ws.raw_request::<_, Value>("eth_doesNotExist".into(), ()).await.unwrap_err();
    assert!(error.to_string().contains("eth_doesNotExist does not exist"), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn params_that_do_not_fit_are_named_by_their_place() {
    let node = chain().await;
    let address = "0x00000000000000000000000000000000deadbeef";
    for (method, params, message) in [
        ("eth_getBalance", json!([]), "missing value for required argument 0"),
        ("eth_getBalance", json!([null]), "missing value for required argument 0"),
        ("eth_getBalance", json!(["nonsense", "latest"]), "invalid argument 0: "),
        ("eth_getBalance", json!(["0x1234", "latest"]), "invalid argument 0: "),
        ("eth_getBalance", json!([address, "newest"]), "invalid argument 1: "),
        ("eth_getBalance", json!([address, "0xg"]), "invalid argument 1: "),
        ("eth_getBalance", json!({ "address": address }), "non-array args"),
        ("eth_getStorageAt", json!([address]), "missing value for required argument 1"),
        ("eth_getBlockByNumber", json!(["0x0", "yes"]), "invalid argument 1: "),
        ("eth_getTransactionByHash", json!(["0x12"]), "invalid argument 0: "),
        ("eth_call", json!([7]), "invalid argument 0: "),
        ("eth_sendRawTransaction", json!([]), "missing value for required argument 0"),
        ("evm_setNextBlockTimestamp", json!([-1]), "invalid argument 0: "),
    ] {
        let error = rpc_error(&node, method, params).await;
        assert_eq!(error["code"], -32602, "{method}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{method}: {error}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn blocks_that_do_not_exist_have_no_state() {
    let node = chain().await;
    let address = "0x00000000000000000000000000000000deadbeef";
    for block in [json!("0x99"), json!({ "blockHash": format!("0x{}", "11".repeat(32)) })] {
        let error = rpc_error(&node, "eth_getBalance", json!([address, block])).await;
        assert_eq!(error, json!({ "code": -32000, "message": "header not found" }));
        let error = rpc_error(&node, "eth_call", json!([{ "to": address }, block])).await;
        assert_eq!(error, json!({ "code": -32000, "message": "header not found" }));
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
        1,
    ]);
    let answers = post(&node, batch).await;
    assert_eq!(answers[0]["result"], "0x64aba");
    assert_eq!((&answers[1]["error"]["code"], &answers[1]["id"]), (&json!(-32601), &json!(2)));
    assert_eq!(answers[2]["result"], "0x0");
    assert_eq!(answers[3]["error"]["code"], -32600);
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
    assert_eq!(answer["error"]["code"], -32600);
    let message = answer["error"]["message"].as_str().unwrap();
    assert_eq!(message, "batch too large: 3 requests, at most 2 are allowed");
    let large = request("web3_sha3", json!([format!("0x{}", "00".repeat(1_000))]));
    let (status, answer) = post_text(&node, large.to_string()).await;
    assert_eq!(status, 413, "{answer}");
    // The node goes on.
    assert_eq!(post(&node, one).await["result"], "0x64aba");
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
async fn browsers_can_be_kept_to_some_origins() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let good = "http://localhost:3000".to_owned();
    let config = Config { allow_origins: Some(vec![good.clone()]), ..Config::default() };
    let node = Devnet::spawn(config).await.unwrap();
    for (origin, allowed) in [(good.as_str(), true), ("http://localhost:3001", false)] {
        let mut stream = tokio::net::TcpStream::connect(node.address()).await.unwrap();
        let preflight = format!(
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(preflight.as_bytes()).await.unwrap();
        let mut answer = String::new();
        crate::support::within(stream.read_to_string(&mut answer)).await.unwrap();
        let header = format!("access-control-allow-origin: {origin}");
        assert_eq!(answer.to_lowercase().contains(&header), allowed, "{answer}");
    }
    node.shutdown().await;
    let config = Config { allow_origins: Some(vec!["localhost".into()]), ..Config::default() };
    let error = Devnet::spawn(config).await.unwrap_err().to_string();
    assert!(error.contains("it must look like http://"), "{error}");
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

//! Traces of calls.

use crate::support::{
    COUNTER, REVERTER, call_to, chain, client, deploy, rpc, rpc_error, send, word,
};
use alloy::primitives::{Address, Bytes, bytes};
use alloy::providers::ext::DebugApi;
use alloy::rpc::types::trace::geth::{
    CallConfig, GethDebugTracingCallOptions, GethDebugTracingOptions,
};
use serde_json::json;

/// Calls the address in its input's first word with the input's second word, value 0.
const FORWARDER: Bytes = bytes!("60206020600037600060006020600060006000355af100");

fn forward(to: Address) -> Vec<u8> {
    [to.into_word().as_slice(), &word(5)].concat()
}

fn options() -> GethDebugTracingOptions {
    let config = CallConfig { with_log: Some(true), ..CallConfig::default() };
    GethDebugTracingOptions::call_tracer(config)
}

#[tokio::test]
async fn the_tree_of_calls_has_inner_calls_logs_and_gas() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let forwarder = deploy(&client, &FORWARDER).await;
    let receipt = send(&client, call_to(forwarder, forward(counter))).await;
    let trace = client.debug_trace_transaction(receipt.transaction_hash, options()).await.unwrap();
    let frame = trace.try_into_call_frame().unwrap();
    assert_eq!((frame.typ.as_str(), frame.to), ("CALL", Some(forwarder)));
    assert_eq!(frame.gas_used.to::<u64>(), receipt.gas_used);
    assert_eq!(frame.calls.len(), 1);
    let inner = &frame.calls[0];
    assert_eq!((inner.from, inner.to), (forwarder, Some(counter)));
    assert_eq!(inner.input, word(5));
    assert_eq!(inner.logs.len(), 1);
    assert_eq!(inner.logs[0].address, Some(counter));

    let block =
        rpc(&node, "debug_traceBlockByNumber", json!(["latest", { "tracer": "callTracer" }])).await;
    assert_eq!(block[0]["txHash"], json!(receipt.transaction_hash));
    assert_eq!(block[0]["result"]["calls"][0]["to"], json!(counter));
    node.shutdown().await;
}

#[tokio::test]
async fn a_traced_transaction_sees_the_ones_before_it_in_its_block() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &REVERTER).await;
    rpc(&node, "evm_setAutomine", json!([false])).await;
    let mut hashes = Vec::new();
    for nonce in 1..=2 {
        let request = call_to(reverter, word(nonce)).nonce(nonce).gas_limit(50_000);
        hashes.push(
            *alloy::providers::Provider::send_transaction(&client, request)
                .await
                .unwrap()
                .tx_hash(),
        );
    }
    rpc(&node, "evm_mine", json!([])).await;
    let trace = client.debug_trace_transaction(hashes[1], options()).await.unwrap();
    let frame = trace.try_into_call_frame().unwrap();
    assert_eq!(frame.error.as_deref(), Some("execution reverted"));
    assert_eq!(frame.output, Some(word(2)));

    // A call between the two meets the nonce that the first has left.
    let sender = node.accounts()[0].address;
    let create = json!({ "from": sender, "data": "0x00" });
    for (index, nonce) in [(0, 1), (1, 2)] {
        let options = json!({ "tracer": "callTracer", "txIndex": format!("{index:#x}") });
        let frame = rpc(&node, "debug_traceCall", json!([create, "latest", options])).await;
        assert_eq!(frame["to"], json!(sender.create(nonce)));
    }
    let options = json!({ "tracer": "callTracer", "txIndex": "0x2" });
    let error = rpc_error(&node, "debug_traceCall", json!([create, "latest", options])).await;
    assert_eq!(error["code"], -32000);
    node.shutdown().await;
}

#[tokio::test]
async fn a_call_can_be_traced_without_sending_it() {
    let node = chain().await;
    let client = client(&node);
    let init = crate::support::init_code(&COUNTER);
    let request = alloy::rpc::types::TransactionRequest::default()
        .create()
        .input(init.into())
        .from(node.accounts()[0].address);
    let trace = client
        .debug_trace_call(request, Default::default(), GethDebugTracingCallOptions::new(options()))
        .await
        .unwrap();
    let frame = trace.try_into_call_frame().unwrap();
    assert_eq!(frame.typ, "CREATE");
    assert_eq!(frame.to, Some(node.accounts()[0].address.create(0)));
    assert_eq!(frame.output, Some(COUNTER));
    node.shutdown().await;
}

#[tokio::test]
async fn a_call_is_traced_on_changed_state_in_a_changed_block() {
    let node = chain().await;
    let target = Address::with_last_byte(0xee);
    let options = json!({
        "tracer": "callTracer",
        "stateOverrides": { target.to_string(): { "code": crate::support::BLOCK_INFO } },
        "blockOverrides": { "time": "0x7b" },
        "reexec": 128,
    });
    let call = json!([{ "to": target, "data": "0x" }, "latest", options]);
    let frame = rpc(&node, "debug_traceCall", call).await;
    assert_eq!(frame["output"].as_str().unwrap()[..66], word(0x7b).to_string());
    node.shutdown().await;
}

#[tokio::test]
async fn failures_of_frames_are_called_as_in_geth() {
    let node = chain().await;
    let code = |code: Bytes| {
        let target = Address::with_last_byte(0xee);
        json!([{ "to": target, "gas": "0x100000" }, "latest", {
            "tracer": "callTracer",
            "stateOverrides": { target.to_string(): { "code": code } },
        }])
    };
    for (bytecode, error) in [
        (bytes!("fe"), "invalid opcode"),
        (bytes!("5b600056"), "out of gas"),
        (bytes!("63ffffffff5100"), "out of gas"),
        (bytes!("600556"), "invalid jump destination"),
        (bytes!("01"), "stack underflow"),
    ] {
        let frame = rpc(&node, "debug_traceCall", code(bytecode)).await;
        assert_eq!(frame["error"], error, "{frame}");
        assert_eq!(frame["gasUsed"], "0x100000");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_no_tracer_or_no_transaction_is_refused() {
    let node = chain().await;
    let call = |options| json!([{ "to": Address::ZERO }, "latest", options]);
    for (options, message) in [
        (json!({ "tracer": "fooTracer" }), "ReferenceError: fooTracer is not defined"),
        (json!({ "tracer": "{}" }), "trace object must expose a function result()"),
        (json!({ "timeout": "soon" }), "time: invalid duration \"soon\""),
        (
            json!({ "tracer": "callTracer", "tracerConfig": { "withLog": "yes" } }),
            "invalid tracer config",
        ),
    ] {
        let error = rpc_error(&node, "debug_traceCall", call(options)).await;
        assert_eq!((&error["code"], &error["message"]), (&json!(-32000), &json!(message)));
    }
    let error = rpc_error(&node, "debug_traceCall", call(json!({ "tracer": 5 }))).await;
    assert_eq!(error["code"], -32602);
    let missing = json!([word(1), { "tracer": "callTracer" }]);
    let error = rpc_error(&node, "debug_traceTransaction", missing).await;
    assert_eq!(error["message"], "transaction not found");
    node.shutdown().await;
}

#[tokio::test]
async fn a_trace_ends_when_its_time_is_over() {
    let node = chain().await;
    let target = Address::with_last_byte(0xee);
    let code = json!({ target.to_string(): { "code": "0x5b600056" } });
    for tracer in ["", "callTracer", "prestateTracer"] {
        let options = json!({ "tracer": tracer, "timeout": "1us", "stateOverrides": code });
        let call = json!([{ "to": target }, "latest", options]);
        let error = rpc_error(&node, "debug_traceCall", call).await;
        let got = (error["code"].as_i64(), error["message"].as_str());
        assert_eq!(got, (Some(-32000), Some("execution timeout")));
    }
    node.shutdown().await;
}

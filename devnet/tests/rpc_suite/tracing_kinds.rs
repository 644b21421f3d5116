//! The tracers that geth has by name, over EVM code.

use crate::support::{COUNTER, call_to, chain, client, deploy, rpc, send, word};
use alloy::consensus::{Block, Header, ReceiptEnvelope, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, U256, bytes, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rlp::Decodable;
use alloy::rpc::types::TransactionReceipt;
use devnet::Devnet;
use serde_json::{Value, json};

/// A counter that has counted twice, and the receipt of the second time.
async fn counted(node: &Devnet) -> (DynProvider, Address, TransactionReceipt) {
    let client = client(node);
    let counter = deploy(&client, &COUNTER).await;
    send(&client, call_to(counter, word(7))).await;
    let receipt = send(&client, call_to(counter, word(9))).await;
    (client, counter, receipt)
}

async fn trace(node: &Devnet, receipt: &TransactionReceipt, options: Value) -> Value {
    rpc(node, "debug_traceTransaction", json!([receipt.transaction_hash, options])).await
}

/// Runs code that is only there for the call.
async fn run(node: &Devnet, code: Bytes, mut options: Value) -> Value {
    let target = Address::with_last_byte(0xee);
    options["stateOverrides"] = json!({ target.to_string(): { "code": code } });
    let call = json!([{ "to": target, "gas": "0x186a0" }, "latest", options]);
    rpc(node, "debug_traceCall", call).await
}

#[tokio::test]
async fn the_step_log_has_stack_memory_storage_and_gas() {
    let node = chain().await;
    let (_, _, receipt) = counted(&node).await;
    let log = trace(&node, &receipt, json!({ "enableMemory": true })).await;
    assert_eq!((&log["failed"], &log["returnValue"]), (&json!(false), &json!("0x")));
    assert_eq!(log["gas"], json!(receipt.gas_used));
    let steps = log["structLogs"].as_array().unwrap();
    let step = |op: &str| steps.iter().find(|step| step["op"] == op).unwrap();
    let storage = |n| json!({ B256::ZERO.to_string(): word(n) });
    assert_eq!(step("SLOAD")["storage"], storage(1));
    assert_eq!((&step("SLOAD")["gasCost"], &step("SLOAD")["depth"]), (&json!(2100), &json!(1)));
    assert_eq!(step("SSTORE")["stack"], json!(["0x2", "0x0"]));
    assert_eq!(step("SSTORE")["storage"], storage(2));
    assert_eq!(step("SSTORE")["gasCost"], 2900);
    assert_eq!(step("LOG1")["memory"], json!([word(9)]));
    assert_eq!(step("LOG1")["gasCost"], 375 * 2 + 8 * 32);
    for pair in steps.windows(2) {
        let gas = |step: &Value| step["gas"].as_u64().unwrap();
        assert_eq!(gas(&pair[1]), gas(&pair[0]) - pair[0]["gasCost"].as_u64().unwrap());
    }

    let options = json!({ "limit": 3, "disableStack": true, "disableStorage": true });
    let log = trace(&node, &receipt, options).await;
    let steps = log["structLogs"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|step| step.get("stack").is_none() && step.get("memory").is_none()));
    node.shutdown().await;
}

#[tokio::test]
async fn the_step_log_tells_returned_data_warm_loads_and_failures() {
    let node = chain().await;
    // IDENTITY of one word, then RETURNDATASIZE.
    let code = bytes!("6020600060206000600060045af13d00");
    let log = run(&node, code, json!({ "enableReturnData": true })).await;
    let steps = log["structLogs"].as_array().unwrap();
    let size = steps.iter().find(|step| step["op"] == "RETURNDATASIZE").unwrap();
    assert_eq!(size["returnData"], json!(word(0)));
    // Two loads of one slot, then an invalid opcode.
    let log = run(&node, bytes!("5f545f54fe"), json!({})).await;
    assert_eq!(log["failed"], true);
    let steps = log["structLogs"].as_array().unwrap();
    assert_eq!((&steps[1]["gasCost"], &steps[3]["gasCost"]), (&json!(2100), &json!(100)));
    assert_eq!(steps[3]["storage"], steps[1]["storage"]);
    assert_eq!(steps[4]["error"], "invalid opcode: INVALID");
    node.shutdown().await;
}

#[tokio::test]
async fn the_state_before_and_its_difference() {
    let node = chain().await;
    let (client, counter, receipt) = counted(&node).await;
    let before = trace(&node, &receipt, json!({ "tracer": "prestateTracer" })).await;
    let of = |state: &Value, account: Address| state[format!("{account:#x}")].clone();
    assert_eq!(of(&before, counter)["storage"], json!({ B256::ZERO.to_string(): word(1) }));
    assert_eq!(of(&before, counter)["code"], json!(COUNTER));
    assert_eq!(of(&before, receipt.from)["nonce"], 2);

    let options = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let diff = trace(&node, &receipt, options).await;
    let slot = |n: u64| json!({ B256::ZERO.to_string(): word(n) });
    assert_eq!(of(&diff["pre"], counter)["storage"], slot(1));
    assert_eq!(of(&diff["post"], counter), json!({ "storage": slot(2) }));
    assert_eq!(of(&diff["post"], receipt.from)["nonce"], 3);
    let balance: U256 =
        serde_json::from_value(of(&diff["post"], receipt.from)["balance"].clone()).unwrap();
    assert_eq!(balance, client.get_balance(receipt.from).await.unwrap());
    node.shutdown().await;
}

#[tokio::test]
async fn selectors_flat_calls_and_several_tracers_at_once() {
    let node = chain().await;
    let (client, counter, _) = counted(&node).await;
    let data = bytes!("deadbeef0000000000000000000000000000000000000000000000000000000000000001");
    let receipt = send(&client, call_to(counter, data.clone())).await;
    let tracers = json!({
        "4byteTracer": null,
        "callTracer": { "withLog": true },
        "flatCallTracer": null,
        "noopTracer": {},
        "stylusTracer": null,
        "muxTracer": { "prestateTracer": { "diffMode": true } },
    });
    let options = json!({ "tracer": "muxTracer", "tracerConfig": tracers });
    let all = trace(&node, &receipt, options).await;
    assert_eq!(all["4byteTracer"], json!({ "0xdeadbeef-32": 1 }));
    assert_eq!(all["callTracer"]["logs"].as_array().unwrap().len(), 1);
    assert_eq!((&all["noopTracer"], &all["stylusTracer"]), (&json!({}), &json!([])));
    assert!(all["muxTracer"]["prestateTracer"]["post"].is_object());
    let flat = &all["flatCallTracer"][0];
    assert_eq!(flat["action"]["to"], json!(counter));
    assert_eq!(flat["action"]["input"], json!(data));
    assert_eq!(flat["transactionHash"], json!(receipt.transaction_hash));
    assert_eq!(flat["blockNumber"], json!(receipt.block_number));
    let alone = trace(&node, &receipt, json!({ "tracer": "flatCallTracer" })).await;
    assert_eq!(alone, all["flatCallTracer"]);
    node.shutdown().await;
}

#[tokio::test]
async fn the_deepest_nesting_is_told() {
    let mut config = devnet::Config::default();
    config.limits.call_gas = 1 << 50;
    let node = Devnet::spawn(config).await.unwrap();
    // Calls itself until no frame can be opened any more.
    let target = Address::with_last_byte(0xee);
    let code = json!({ target.to_string(): { "code": "0x5f5f5f5f5f305af100" } });
    for (tracer, field) in
        [("callTracer", "\"calls\""), ("erc7562Tracer", "\"calls\""), ("stylusTracer", "\"steps\"")]
    {
        let options = json!({ "tracer": tracer, "stateOverrides": code });
        // Too deep for a JSON reader, but not for the node.
        let call = json!([{ "to": target }, "latest", options]);
        let body = crate::support::request("debug_traceCall", call).to_string();
        let (_, answer) = crate::support::post_text(&node, body).await;
        let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        assert_eq!(text.matches(field).count(), 1025, "{tracer}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn what_the_validation_rules_ask_about_a_frame() {
    let node = chain().await;
    // keccak256 of 64 bytes; GAS before POP counts, GAS before a CALL does not; EXTCODESIZE of
    // 0xaa before ISZERO is harmless, before POP it is not; SLOAD twice; TSTORE; BALANCE.
    let code = bytes!(
        "60405f20505a505f5f5f5f5f60bb5af15060aa3b155060aa3b505f545060015f555f545060055f5d305031"
    );
    let frame = run(&node, code.clone(), json!({ "tracer": "erc7562Tracer" })).await;
    let used = json!({
        "0x20": 1, "0x30": 1, "0x31": 1, "0x3b": 2, "0x54": 2, "0x55": 1, "0x5a": 1, "0x5d": 1,
        "0xf1": 1,
    });
    // 0x31 finds no operand, which is seen before it fails.
    assert_eq!(frame["usedOpcodes"], used);
    let slots = json!({
        "reads": { B256::ZERO.to_string(): [B256::ZERO] },
        "writes": { B256::ZERO.to_string(): 1 },
        "transientReads": {},
        "transientWrites": { B256::ZERO.to_string(): 1 },
    });
    assert_eq!(frame["accessedSlots"], slots);
    assert_eq!(frame["keccak"], json!([Bytes::from(vec![0; 64])]));
    assert_eq!(frame["extCodeAccessInfo"], json!([Address::with_last_byte(0xaa)]));
    let sizes = json!({
        Address::with_last_byte(0xaa).to_string().to_lowercase(): { "contractSize": 0, "opcode": 0x3b },
        Address::with_last_byte(0xbb).to_string().to_lowercase(): { "contractSize": 0, "opcode": 0xf1 },
    });
    assert_eq!(frame["contractSize"], sizes);
    assert_eq!((&frame["type"], &frame["outOfGas"]), (&json!("CALL"), &json!(false)));

    let config = json!({ "ignoredOpcodes": ["0x5f", "0x60", "0x20"] });
    let options = json!({ "tracer": "erc7562Tracer", "tracerConfig": config });
    let frame = run(&node, code, options).await;
    assert!(frame["usedOpcodes"].get("0x20").is_none());
    assert!(frame["usedOpcodes"]["0x50"].as_u64().unwrap() > 5);
    node.shutdown().await;
}

#[tokio::test]
async fn raw_blocks_headers_and_receipts_are_those_of_the_chain() {
    let node = chain().await;
    let (_, _, receipt) = counted(&node).await;
    let bytes = async |method: &str| -> Bytes {
        serde_json::from_value(rpc(&node, method, json!(["latest"])).await).unwrap()
    };
    let header = bytes("debug_getRawHeader").await;
    assert_eq!(Some(keccak256(&header)), receipt.block_hash);
    let block = Block::<TxEnvelope>::decode(&mut &bytes("debug_getRawBlock").await[..]).unwrap();
    assert_eq!(block.header, Header::decode(&mut &header[..]).unwrap());
    assert_eq!(*block.body.transactions[0].hash(), receipt.transaction_hash);
    let by_hash = json!([receipt.block_hash]);
    let raw: Vec<Bytes> =
        serde_json::from_value(rpc(&node, "debug_getRawReceipts", by_hash).await).unwrap();
    let decoded = ReceiptEnvelope::decode_2718(&mut &raw[0][..]).unwrap();
    assert_eq!(decoded.logs().len(), receipt.logs().len());
    assert_eq!(decoded.cumulative_gas_used(), receipt.gas_used);
    node.shutdown().await;
}

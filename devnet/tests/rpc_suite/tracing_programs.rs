//! Tracers over Stylus programs.

use crate::support::{COUNTER, call_to, client, deploy, rpc, rpc_error, send, word};
use alloy::primitives::{Address, B256, Bytes, U256, bytes, keccak256};
use devnet::stylus::code::compress_classic;
use devnet::stylus::prices::prices;
use devnet::{Config, Devnet};
use serde_json::{Value, json};

/// Calls the address in its input's first word with the input's rest.
const FORWARDER: Bytes = bytes!("6020360360206000376000600060203603600060006000355af100");

/// Stores the second word of its input in the slot that the first names, looking at it before,
/// and returns the hash of both.
pub const STORE: &str = "(call $read_args (i32.const 0))
    (call $storage_load_bytes32 (i32.const 0) (i32.const 64))
    (call $storage_load_bytes32 (i32.const 0) (i32.const 64))
    (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
    (call $storage_flush_cache (i32.const 0))
    (drop (call $msg_reentrant)) (drop (call $evm_ink_left))
    (call $native_keccak256 (i32.const 0) (i32.const 64) (i32.const 96))
    (call $write_result (i32.const 96) (i32.const 32)) (i32.const 0)";

/// Calls the address at the start of its input with the rest of it.
const PASS_ON: &str = "(call $read_args (i32.const 0))
    (call $call_contract (i32.const 0) (i32.const 20) (i32.sub (local.get $len) (i32.const 20))
        (i32.const 1024) (i64.const -1) (i32.const 1056))";

/// A program that imports every host function and whose entry runs `body`.
pub fn program(body: &str) -> Bytes {
    let mut wat = String::from("(module\n");
    for name in prices()
        .host_names()
        .filter(|name| body.contains(&format!("${name} ")) || body.contains(&format!("${name})")))
    {
        let (params, results) = prices().host_signature(name).unwrap();
        let list = |kind: &str, types: &[String]| match types {
            [] => String::new(),
            types => format!(" ({kind} {})", types.join(" ")),
        };
        wat += &format!(
            "(import \"vm_hooks\" \"{name}\" (func ${name}{}{}))\n",
            list("param", params),
            list("result", results)
        );
    }
    wat += &format!(
        "(memory (export \"memory\") 1 1)
         (func (export \"user_entrypoint\") (param $len i32) (result i32) {body}))"
    );
    compress_classic(&wat::parse_str(wat).unwrap()).into()
}

/// A chain on which programs need no activation.
pub async fn chain() -> Devnet {
    let config = Config { auto_activate: true, ..Config::default() };
    Devnet::spawn(config).await.unwrap()
}

/// Puts code at an address.
pub async fn put(node: &Devnet, last_byte: u8, code: &Bytes) -> Address {
    let address = Address::with_last_byte(last_byte);
    rpc(node, "anvil_setCode", json!([address, code])).await;
    address
}

async fn trace_call(node: &Devnet, to: Address, data: Vec<u8>, options: Value) -> Value {
    let from = node.accounts()[0].address;
    let request = json!({ "from": from, "to": to, "data": Bytes::from(data) });
    rpc(node, "debug_traceCall", json!([request, "latest", options])).await
}

fn store(key: u64, value: u64) -> Vec<u8> {
    [word(key), word(value)].concat()
}

fn names(steps: &Value) -> Vec<&str> {
    steps.as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_step_log_shows_opcodes_in_place_of_host_calls() {
    let node = chain().await;
    let target = put(&node, 0xa1, &program(STORE)).await;
    send(&client(&node), call_to(target, store(5, 6))).await;
    let options = json!({ "enableMemory": true });
    let log = trace_call(&node, target, store(5, 7), options).await;
    let steps = log["structLogs"].as_array().unwrap();
    let shown: Vec<_> = steps.iter().map(|step| step["op"].as_str().unwrap()).collect();
    let ops =
        ["CALLDATACOPY", "SLOAD", "POP", "SSTORE", "GAS", "POP", "KECCAK256", "POP", "RETURN"];
    assert_eq!(shown, ops);
    assert!(steps.iter().all(|step| step["pc"] == 0 && step["depth"] == 1));
    let stacks: Vec<_> = steps.iter().map(|step| step["stack"].clone()).collect();
    assert_eq!(stacks[0], json!(["0x40", "0x0", "0x0"]));
    assert_eq!((&stacks[1], &stacks[2]), (&json!(["0x5"]), &json!(["0x6"])));
    assert_eq!((&stacks[3], &stacks[4]), (&json!(["0x7", "0x5"]), &json!([])));
    assert_eq!((&stacks[6], &stacks[8]), (&json!(["0x40", "0x0"]), &json!(["0x20", "0x0"])));
    let hash = keccak256(store(5, 7));
    assert_eq!(stacks[7], json!([U256::from_be_bytes(hash.0)]));
    assert_eq!(steps[6]["memory"], json!([word(5), word(7)]));
    assert_eq!((&steps[8]["memory"], &log["returnValue"]), (&json!([hash]), &json!(hash)));
    let slot = |value| json!({ B256::with_last_byte(5).to_string(): word(value) });
    assert_eq!((&steps[1]["storage"], &steps[3]["storage"]), (&slot(6), &slot(7)));

    // Gas and cost come from the ink of the host call.
    let calls = trace_call(&node, target, store(5, 7), json!({ "tracer": "stylusTracer" })).await;
    let flush = calls.as_array().unwrap().iter().find(|call| call["name"] == "storage_flush_cache");
    let ink = |end: &str| flush.unwrap()[end].as_u64().unwrap();
    assert_eq!(steps[3]["gas"].as_u64(), Some(ink("endInk") / 10_000));
    assert_eq!(steps[3]["gasCost"].as_u64(), Some((ink("startInk") - ink("endInk")) / 10_000));
    node.shutdown().await;
}

#[tokio::test]
async fn the_host_calls_nest_as_the_frames_do() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let pass_on = program(PASS_ON);
    let (outer, inner) = (put(&node, 0xa1, &pass_on).await, put(&node, 0xa2, &pass_on).await);
    let to_counter = [counter.as_slice(), &word(9)].concat();
    let data = [inner.as_slice(), &to_counter].concat();
    let receipt = send(&client, call_to(outer, data.clone())).await;
    let trace = async |tracer: &str| {
        let params = json!([receipt.transaction_hash, { "tracer": tracer }]);
        rpc(&node, "debug_traceTransaction", params).await
    };
    let calls = trace("stylusTracer").await;
    let frame = ["user_entrypoint", "read_args", "call_contract", "user_returned"];
    assert_eq!(names(&calls), frame);
    assert_eq!(calls[0]["args"], json!(Bytes::from((data.len() as u32).to_be_bytes())));
    assert_eq!(calls[0]["startInk"], calls[0]["endInk"]);
    assert_eq!((&calls[1]["args"], &calls[1]["outs"]), (&json!("0x"), &json!(Bytes::from(data))));
    let call = &calls[2];
    let args = [inner.as_slice(), &u64::MAX.to_be_bytes(), &word(0), &to_counter].concat();
    assert_eq!(call["args"], json!(Bytes::from(args)));
    assert_eq!((&call["outs"], &call["address"]), (&json!("0x0000000000"), &json!(inner)));
    assert_eq!(names(&call["steps"]), frame);
    let deepest = &call["steps"][2];
    assert_eq!((&deepest["address"], &deepest["steps"]), (&json!(counter), &json!([])));
    assert_eq!(calls[3]["outs"], "0x00000000");
    let ink = |call: &Value, end: &str| call[end].as_u64().unwrap();
    assert!(ink(deepest, "startInk") > ink(deepest, "endInk") + 5_000 * 10_000);
    assert!(
        ink(call, "startInk") - ink(call, "endInk")
            > ink(deepest, "startInk") - ink(deepest, "endInk")
    );

    let script = "{ \"hostio\": function(info) {}, \"enter\": function(frame) {},
        \"exit\": function(result) {}, \"result\": function() {}, \"fault\": function() {} }";
    assert_eq!(trace(script).await, calls);
    node.shutdown().await;
}

#[tokio::test]
async fn frames_that_evm_code_opens_have_names_of_their_own() {
    let node = chain().await;
    let forwarder = put(&node, 0xb1, &FORWARDER).await;
    let target = put(&node, 0xa1, &program(STORE)).await;
    let data = [target.into_word().as_slice(), &store(1, 2)].concat();
    let calls =
        trace_call(&node, forwarder, data.clone(), json!({ "tracer": "stylusTracer" })).await;
    assert_eq!(names(&calls), ["evm_call_contract"]);
    assert_eq!((&calls[0]["address"], &calls[0]["args"]), (&json!(target), &json!("0x")));
    assert_eq!(names(&calls[0]["steps"]).first(), Some(&"user_entrypoint"));
    // A script gets the same: the tools want every field of every entry.
    let script = "{ hostio(info) {}, enter(frame) {}, exit(result) {}, result() {}, fault() {} }";
    assert_eq!(trace_call(&node, forwarder, data, json!({ "tracer": script })).await, calls);

    // A call with value is refused in a static frame, and opens none.
    let body = "(i32.store8 (i32.const 63) (i32.const 1))
        (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32)
            (i64.const -1) (i32.const 96))";
    put(&node, 0xa4, &program(body)).await;
    let outer = put(&node, 0xb2, &bytes!("5f5f5f5f60a45afa00")).await;
    let calls = trace_call(&node, outer, vec![], json!({ "tracer": "stylusTracer" })).await;
    assert_eq!(names(&calls), ["evm_static_call_contract"]);
    let steps = &calls[0]["steps"];
    assert_eq!(names(steps), ["user_entrypoint", "call_contract", "user_returned"]);
    assert_eq!(
        (&steps[1]["outs"], &steps[2]["outs"]),
        (&json!("0x0000000002"), &json!("0x00000002"))
    );
    assert_eq!((&steps[1]["address"], &steps[1]["steps"]), (&json!(Address::ZERO), &json!([])));

    // A creation by a program is there twice: as a frame, then as a host call.
    let body = "(call $create1 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)
        (i32.const 96)) (i32.const 0)";
    let creator = put(&node, 0xa3, &program(body)).await;
    rpc(&node, "anvil_setNonce", json!([creator, "0x1"])).await;
    let calls = trace_call(&node, creator, vec![], json!({ "tracer": "stylusTracer" })).await;
    assert_eq!(names(&calls), ["user_entrypoint", "evm_create1", "create1", "user_returned"]);
    let created = creator.create(1);
    assert_eq!(calls[1]["address"], json!(created));
    assert_eq!(calls[2]["outs"], json!(Bytes::from([created.as_slice(), &[0; 4]].concat())));
    node.shutdown().await;
}

#[tokio::test]
async fn the_difference_of_state_has_what_a_program_wrote() {
    let node = chain().await;
    let target = put(&node, 0xa1, &program(STORE)).await;
    send(&client(&node), call_to(target, store(5, 6))).await;
    let options = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let diff = trace_call(&node, target, store(5, 7), options).await;
    let storage = |side: &str| diff[side][format!("{target:#x}")]["storage"].clone();
    let slot = |value| json!({ B256::with_last_byte(5).to_string(): word(value) });
    assert_eq!((storage("pre"), storage("post")), (slot(6), slot(7)));
    let options = json!({ "tracer": "prestateTracer" });
    let before = trace_call(&node, target, store(5, 6), options).await;
    assert_eq!(before[format!("{target:#x}")]["storage"], slot(6));
    node.shutdown().await;
}

#[tokio::test]
async fn the_validation_rules_see_what_a_program_does() {
    let node = chain().await;
    let code = program(STORE);
    let target = put(&node, 0xa1, &code).await;
    send(&client(&node), call_to(target, store(5, 6))).await;
    let forwarder = put(&node, 0xb1, &FORWARDER).await;
    let data = [target.into_word().as_slice(), &store(5, 7)].concat();
    let root = trace_call(&node, forwarder, data, json!({ "tracer": "erc7562Tracer" })).await;
    assert_eq!(root["keccak"], json!([Bytes::from(store(5, 7))]));
    let size = &root["contractSize"][format!("{target:#x}")];
    assert_eq!(size, &json!({ "contractSize": code.len(), "opcode": 0xf1 }));
    let frame = &root["calls"][0];
    let used = json!({ "0x20": 1, "0x37": 1, "0x54": 1, "0x55": 1, "0x5a": 1, "0xf3": 1 });
    assert_eq!(frame["usedOpcodes"], used);
    let key = B256::with_last_byte(5).to_string();
    assert_eq!(frame["accessedSlots"]["reads"], json!({ &key: [word(6)] }));
    assert_eq!(frame["accessedSlots"]["writes"], json!({ &key: 1 }));
    node.shutdown().await;
}

#[tokio::test]
async fn the_tree_of_calls_goes_through_programs() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let target = put(&node, 0xa1, &program(PASS_ON)).await;
    let data = [counter.as_slice(), &word(9)].concat();
    let config = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
    let root = trace_call(&node, target, data, config).await;
    assert_eq!((&root["to"], &root["calls"][0]["to"]), (&json!(target), &json!(counter)));
    assert_eq!(root["calls"][0]["logs"][0]["topics"], json!([word(9)]));
    // Out of the program's memory.
    let broken = put(&node, 0xa2, &program("(call $read_args (i32.const -1)) (i32.const 0)")).await;
    let root = trace_call(&node, broken, vec![1], json!({ "tracer": "callTracer" })).await;
    assert_eq!(root["error"], "execution reverted");
    node.shutdown().await;
}

#[tokio::test]
async fn the_trace_of_a_program_is_bounded_in_time_and_size() {
    let node = chain().await;
    let body = "(loop $again (drop (call $msg_reentrant)) (br $again)) (i32.const 0)";
    let target = put(&node, 0xa1, &program(body)).await;
    let error = async |gas: &str, options: Value| {
        let call = json!([{ "to": target, "gas": gas }, "latest", options]);
        let error = rpc_error(&node, "debug_traceCall", call).await;
        assert_eq!(error["code"], -32000);
        error["message"].as_str().unwrap().to_owned()
    };
    let options = json!({ "tracer": "stylusTracer" });
    let message = error("0x1e8480", options).await;
    assert!(message.contains("more host calls than can be traced"), "{message}");
    let options = json!({ "tracer": "stylusTracer", "timeout": "1us" });
    assert_eq!(error("0x186a0", options).await, "execution timeout");
    node.shutdown().await;
}

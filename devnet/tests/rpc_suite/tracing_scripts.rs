//! Tracers written in JavaScript.

use crate::support::{
    COUNTER, REVERTER, call_to, chain, client, deploy, rpc, rpc_error, send, word,
};
use crate::tracing_programs;
use alloy::primitives::{Address, B256, Bytes, bytes};
use devnet::Devnet;
use serde_json::{Value, json};

fn call(code: &Bytes, data: &Bytes, script: &str) -> Value {
    let target = Address::with_last_byte(0xee);
    let overrides = json!({ target.to_string(): { "code": code } });
    let options = json!({ "tracer": script, "stateOverrides": overrides });
    json!([{ "to": target, "data": data, "gas": "0x186a0" }, "latest", options])
}

async fn run(node: &Devnet, code: &Bytes, data: &Bytes, script: &str) -> Value {
    rpc(node, "debug_traceCall", call(code, data, script)).await
}

async fn failure(node: &Devnet, script: &str) -> String {
    let error = rpc_error(node, "debug_traceCall", call(&COUNTER, &word(1), script)).await;
    assert_eq!(error["code"], -32000);
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_script_sees_steps_with_stack_memory_contract_and_state() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let receipt = send(&client, call_to(counter, word(9))).await;
    // Variables without declaration are global, as in the scripts of bundlers.
    let script = "{
        setup: function(config) { this.config = config; this.seen = []; },
        step: function(log, db) {
            name = log.op.toString();
            if (name === 'SSTORE') {
                address = log.contract.getAddress();
                slot = toWord(log.stack.peek(0).toString(16));
                this.seen.push({
                    name, number: log.op.toNumber(), pc: log.getPC(), depth: log.getDepth(),
                    cost: log.getCost(), size: log.stack.length(), value: log.stack.peek(1),
                    slot: toHex(slot), state: toHex(db.getState(address, slot)),
                    code: db.getCode(address).length, caller: toHex(log.contract.getCaller()),
                    input: toHex(log.contract.getInput()), word: log.memory.getUint(0),
                    // The memory ends after 32 bytes; what is beyond reads as zero.
                    memory: toHex(log.memory.slice(31, 34)), length: log.memory.length(),
                    error: log.getError() === undefined,
                });
            }
        },
        fault: function(log, db) {},
        result: function(ctx, db) {
            return { config: this.config, seen: this.seen, type: ctx.type, to: toHex(ctx.to),
                used: ctx.gasUsed, hash: toHex(ctx.txHash), nonce: db.getNonce(ctx.from) };
        },
    }";
    let options = json!({ "tracer": script, "tracerConfig": { "a": 1 } });
    let told =
        rpc(&node, "debug_traceTransaction", json!([receipt.transaction_hash, options])).await;
    assert_eq!(told["config"], "{\"a\":1}");
    assert_eq!((&told["type"], &told["to"]), (&json!("CALL"), &json!(counter)));
    assert_eq!(told["used"], json!(receipt.gas_used));
    assert_eq!(told["hash"], json!(receipt.transaction_hash));
    let expected = json!([{
        "name": "SSTORE", "number": 0x55, "pc": 14, "depth": 1, "cost": 20_000, "size": 2,
        "value": "1", "slot": B256::ZERO, "state": word(0), "code": COUNTER.len(),
        "caller": receipt.from, "input": word(9), "word": "9", "memory": "0x090000",
        "length": 32, "error": true,
    }]);
    assert_eq!(told["seen"], expected);
    node.shutdown().await;
}

#[tokio::test]
async fn a_script_sees_frames_and_reverts_as_in_geth() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &REVERTER).await;
    let forwarder = bytes!("6020602060003760006000602060006000355afa00");
    let data = [reverter.into_word().as_slice(), &word(5)].concat().into();
    let script = "{
        told: [],
        enter: function(frame) {
            this.told.push(frame.getType(), toHex(frame.getTo()), toHex(frame.getInput()),
                frame.getValue() === undefined, frame.getGas() > 0);
        },
        exit: function(frame) {
            this.told.push(frame.getError(), toHex(frame.getOutput()), frame.getGasUsed() > 0);
        },
        step: function(log) {
            if (log.op.toString() === 'REVERT')
                this.told.push('step', log.stack.peek(1).toString(), log.getError() === undefined);
        },
        fault: function(log) {
            this.told.push('fault', log.op.toString(), log.getDepth(), log.getError());
        },
        result: function() { return this.told; },
    }";
    let told = run(&node, &forwarder, &data, script).await;
    let expected = json!([
        "STATICCALL",
        reverter,
        word(5),
        true,
        true,
        "step",
        "32",
        true,
        "fault",
        "REVERT",
        2,
        "execution reverted",
        "execution reverted",
        word(5),
        true,
    ]);
    assert_eq!(told, expected);
    node.shutdown().await;
}

#[tokio::test]
async fn a_script_sees_the_state_that_the_frames_have_made() {
    let node = chain().await;
    // Without input it calls itself with some and loads slot 0; with input it stores 1 there and
    // reverts.
    let code = bytes!("366010575f5f60015f5f305af15f54005b60015f555f5ffd");
    let script = "{ seen: [],
        look: function(name, db, address) {
            this.seen.push(name + Number(toHex(db.getState(address, toWord('0')))));
        },
        step: function(log, db) {
            name = log.op.toString();
            this.address = log.contract.getAddress();
            if (name.match(/^(SSTORE|REVERT|SLOAD)$/)) this.look(name, db, this.address);
        },
        fault: function() {},
        result: function(ctx, db) { this.look('END', db, this.address); return this.seen; } }";
    let told = run(&node, &code, &Bytes::new(), script).await;
    assert_eq!(told, json!(["SSTORE0", "REVERT1", "SLOAD0", "END0"]));
    let told = run(&node, &bytes!("60075f555f5400"), &Bytes::new(), script).await;
    assert_eq!(told, json!(["SSTORE0", "SLOAD7", "END7"]));
    node.shutdown().await;
}

#[tokio::test]
async fn a_destruction_is_a_frame_for_a_script_without_steps() {
    let node = chain().await;
    let script = "{ told: [],
        enter: function(frame) {
            this.told.push(frame.getType(), toHex(frame.getFrom()), toHex(frame.getTo()),
                frame.getValue(), frame.getGas());
        },
        exit: function(frame) { this.told.push('exit'); },
        fault: function() {}, result: function() { return this.told; } }";
    let target = Address::with_last_byte(0xee);
    rpc(&node, "anvil_setBalance", json!([target, "0x7"])).await;
    let told = run(&node, &bytes!("60aaff"), &Bytes::new(), script).await;
    let heir = Address::with_last_byte(0xaa);
    assert_eq!(told, json!(["SELFDESTRUCT", target, heir, "7", 0, "exit"]));
    node.shutdown().await;
}

#[tokio::test]
async fn an_opcode_that_cannot_be_paid_for_costs_more_than_there_is() {
    let node = chain().await;
    let script = "{ short: [],
        step: function(log) {
            if (log.getGas() < log.getCost()) this.short.push(log.op.toString());
        },
        fault: function() {}, result: function() { return this.short; } }";
    let told = run(&node, &bytes!("5f5463ffffffff5100"), &Bytes::new(), script).await;
    assert_eq!(told, json!(["MLOAD"]));
    node.shutdown().await;
}

#[tokio::test]
async fn the_first_failure_of_a_script_is_the_answer() {
    let node = chain().await;
    let rest = "fault: function() {}, result: function() { return 1; }";
    let place = |name: &str| format!("    in server-side tracer function '{name}'");
    let script = format!("{{ step: function() {{ nothing.at.all; }}, {rest} }}");
    let text = format!("ReferenceError: nothing is not defined{}", place("step"));
    assert_eq!(failure(&node, &script).await, text);
    let script = "{ fault: function() {}, result: function() { throw new TypeError('no'); } }";
    assert_eq!(failure(&node, script).await, format!("TypeError: no{}", place("result")));
    let endless = format!("{{ step: function() {{ while (true) {{}} }}, {rest} }}");
    let message = failure(&node, &endless).await;
    assert!(message.ends_with(&place("step")), "{message}");
    let silent = "{ fault: function() {}, result: function() {} }";
    assert_eq!(run(&node, &COUNTER, &word(1), silent).await, Value::Null);
    let endless = "{ fault: function() {}, result: function() { for (;;) {} } }";
    assert!(!failure(&node, endless).await.is_empty());
    let endless = format!("{{ setup: function() {{ for (;;) {{}} }}, {rest} }}");
    assert!(!failure(&node, &endless).await.is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn a_script_sees_the_opcodes_that_stand_for_host_calls() {
    let node = tracing_programs::chain().await;
    let code = tracing_programs::program(tracing_programs::STORE);
    let data = [word(5), word(6)].concat().into();
    let script = "{ steps: [],
        step: function(log, db) {
            name = log.op.toString();
            this.steps.push(name);
            if (name === 'KECCAK256') this.preimage = toHex(
                log.memory.slice(Number(log.stack.peek(0)), Number(log.stack.peek(1))));
            if (name === 'RETURN') this.returned = toHex(log.memory.slice(0, 32));
        },
        fault: function() {},
        result: function(ctx) {
            return [this.steps.join(), this.preimage, this.returned === toHex(ctx.output)];
        } }";
    let told = run(&node, &code, &data, script).await;
    let steps = "CALLDATACOPY,SLOAD,POP,SSTORE,GAS,POP,KECCAK256,POP,RETURN";
    assert_eq!(told, json!([steps, data, true]));
    node.shutdown().await;
}

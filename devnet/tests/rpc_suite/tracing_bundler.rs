//! What a bundler in safe mode does: its script watches an operation's validation.

use crate::entry_point::{ACCOUNT, EntryPoint, operation, pair};
use crate::support::{call_to, client, rpc, send};
use crate::tracing_programs::{chain, program, put};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256, utils::parse_ether};
use alloy::sol_types::SolCall;
use devnet::Devnet;
use devnet::genesis::ENTRY_POINT;
use serde_json::{Value, json};

/// Collects by frame of the EntryPoint what the frames inside it did, until validation is over.
/// It is written as bundlers write theirs: without declarations, with numbers as big integers.
const COLLECTOR: &str = "{
    frames: [], current: null, calls: [], keccak: [], last: null, done: false,
    over: 'bb47ee3e183a558b1a2ff0874b079f3fc5478b7454eacf2bfc5af2ff5878f972',
    fault: function (log, db) {},
    result: function (ctx, db) {
        return { frames: this.frames, calls: this.calls, keccak: this.keccak };
    },
    enter: function (frame) {
        if (this.done) return;
        this.calls.push({ type: frame.getType(), to: toHex(frame.getTo()),
            method: toHex(frame.getInput()).slice(0, 10), value: frame.getValue() });
    },
    exit: function (frame) {
        if (this.done) return;
        this.calls.push({ type: frame.getError() === undefined ? 'RETURN' : 'REVERT',
            data: toHex(frame.getOutput()).slice(0, 4000) });
    },
    count: function (list, key) { list[key] = (list[key] || 0) + 1; },
    step: function (log, db) {
        if (this.done) return;
        opcode = log.op.toString();
        top = log.stack.length() > 0 ? log.stack.peek(0) : null;
        before = this.last;
        this.last = { opcode, top };
        if (log.getDepth() === 1) {
            if (opcode.match(/^(CALL|STATICCALL)$/) !== null) {
                offset = Number.parseInt(log.stack.peek(opcode === 'CALL' ? 3 : 2).toString());
                this.current = { target: toHex(toAddress(log.stack.peek(1).toString(16))),
                    method: toHex(log.memory.slice(offset, offset + 4)),
                    access: {}, opcodes: {}, sizes: {}, oog: false };
                this.frames.push(this.current);
            } else if (opcode === 'LOG1' && log.stack.peek(2).toString(16) === this.over) {
                this.done = true;
            }
            return;
        }
        if (log.getGas() < log.getCost()) this.current.oog = true;
        if (before !== null && before.opcode === 'GAS' && !opcode.includes('CALL')) {
            this.count(this.current.opcodes, 'GAS');
        }
        if (opcode.match(/^(GAS|POP|ADD|EQ|ISZERO|SHR|(PUSH|DUP|SWAP)\\d+)$/) === null) {
            this.count(this.current.opcodes, opcode);
        }
        if (opcode.match(/^(EXT.*|CALL|STATICCALL|DELEGATECALL)$/) !== null) {
            other = toAddress(log.stack.peek(opcode.startsWith('EXT') ? 0 : 1).toString(16));
            this.current.sizes[toHex(other)] = db.getCode(other).length;
        }
        if (opcode === 'SLOAD' || opcode === 'SSTORE') {
            slot = toWord(top.toString(16));
            address = log.contract.getAddress();
            access = this.current.access[toHex(address)] || { reads: {}, writes: {} };
            this.current.access[toHex(address)] = access;
            key = toHex(slot);
            if (opcode === 'SSTORE') this.count(access.writes, key);
            else if (!(key in access.reads)) access.reads[key] = toHex(db.getState(address, slot));
        }
        if (opcode === 'KECCAK256') {
            offset = Number.parseInt(top.toString());
            length = Number.parseInt(log.stack.peek(1).toString());
            this.keccak.push(toHex(log.memory.slice(offset, offset + length)));
        }
    },
}";

/// Answers `validateUserOp` with 0 after hashing 64 bytes and looking at what slot 7 holds.
const PROGRAM: &str = "
    (i32.store8 (i32.const 31) (i32.const 7))
    (call $storage_load_bytes32 (i32.const 0) (i32.const 32))
    (call $native_keccak256 (i32.const 0) (i32.const 64) (i32.const 64))
    (call $write_result (i32.const 96) (i32.const 32)) (i32.const 0)";

/// Watches `handleOps` with one operation of an account.
async fn collect(node: &Devnet, account: Address) -> Value {
    let client = client(node);
    let entry_point = EntryPoint::new(ENTRY_POINT, &client);
    let deposit = entry_point.depositTo(account).value(parse_ether("1").unwrap());
    assert!(send(&client, deposit.into_transaction_request()).await.status());
    let mut op = operation(account, U256::ZERO);
    op.accountGasLimits = pair(500_000, 100_000);
    let bundler = node.accounts()[1].address;
    let data = EntryPoint::handleOpsCall { ops: vec![op], beneficiary: bundler }.abi_encode();
    let request = json!({ "from": bundler, "to": ENTRY_POINT, "data": Bytes::from(data) });
    let options = json!({ "tracer": COLLECTOR, "stateOverrides": {} });
    rpc(node, "debug_traceCall", json!([request, "latest", options])).await
}

fn validation(told: &Value, account: Address) -> &Value {
    let frames = told["frames"].as_array().unwrap();
    let mut of_account = frames.iter().filter(|frame| frame["target"] == json!(account));
    let frame = of_account.next().unwrap();
    assert!(of_account.next().is_none(), "execution is not watched: {told}");
    assert_eq!((&frame["method"], &frame["oog"]), (&json!("0x19822f7c"), &json!(false)));
    frame
}

#[tokio::test]
async fn the_validation_of_an_evm_account_is_seen() {
    let node = chain().await;
    let account = put(&node, 0xa1, &ACCOUNT).await;
    let told = collect(&node, account).await;
    let frame = validation(&told, account);
    assert_eq!(frame["access"], json!({}));
    assert_eq!(frame["opcodes"]["RETURN"], 1);
    assert!(frame["opcodes"].get("SSTORE").is_none());
    let calls = told["calls"].as_array().unwrap();
    let entered = calls.iter().position(|call| call["to"] == json!(account)).unwrap();
    assert_eq!(calls[entered]["method"], "0x19822f7c");
    assert_eq!(calls[entered + 1], json!({ "type": "RETURN", "data": B256::ZERO }));
    node.shutdown().await;
}

#[tokio::test]
async fn the_validation_of_an_account_in_wasm_is_seen() {
    let node = chain().await;
    let account = put(&node, 0xa1, &program(PROGRAM)).await;
    let slot = B256::with_last_byte(7);
    let value = B256::repeat_byte(0x5a);
    rpc(&node, "anvil_setStorageAt", json!([account, slot, value])).await;
    let told = collect(&node, account).await;
    let frame = validation(&told, account);
    let access = json!({ account.to_string().to_lowercase(): {
        "reads": { slot.to_string(): value }, "writes": {},
    } });
    assert_eq!(frame["access"], access);
    assert_eq!(frame["opcodes"], json!({ "SLOAD": 1, "KECCAK256": 1, "RETURN": 1 }));
    let preimage = Bytes::from([slot.0, value.0].concat());
    assert!(told["keccak"].as_array().unwrap().contains(&json!(preimage)));
    assert_ne!(keccak256(&preimage), B256::ZERO);
    // The operation really runs, too.
    let client = client(&node);
    assert!(send(&client, call_to(account, vec![]).with_gas_limit(1_000_000)).await.status());
    node.shutdown().await;
}

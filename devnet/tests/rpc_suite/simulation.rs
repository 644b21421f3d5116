//! Calls in a row in made-up blocks, and tokens out of nothing.

use crate::support::{
    COUNTER, INVALID, REVERTER, chain, client, deploy, rpc, rpc_error, send, word,
};
use alloy::primitives::{Address, B256, Bytes, U256, address, hex};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use serde_json::{Value, json};

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");
const RICH: &str = "0xde0b6b3a7640000";

sol! {
    #[sol(rpc)]
    interface Token {
        function balanceOf(address account) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
    }
}

#[tokio::test]
async fn calls_see_what_earlier_ones_did_and_the_chain_sees_nothing() {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    let count = json!({ "to": counter, "input": word(7) });
    let payload = json!({ "blockStateCalls": [
        { "calls": [count, count] },
        { "blockOverrides": { "number": "0x5", "time": "0xffffffff" }, "calls": [count] },
    ]});
    let blocks = rpc(&node, "eth_simulateV1", json!([payload, "latest"])).await;
    let blocks = blocks.as_array().unwrap();
    // Blocks 3 and 4 are made up in between.
    let numbers: Vec<_> = blocks.iter().map(|block| block["number"].clone()).collect();
    assert_eq!(numbers, ["0x2", "0x3", "0x4", "0x5"]);
    for pair in blocks.windows(2) {
        assert_eq!(pair[1]["parentHash"], pair[0]["hash"]);
    }
    assert_eq!(blocks[3]["timestamp"], "0xffffffff");
    let calls = blocks[0]["calls"].as_array().unwrap();
    let gas = |call: &Value| {
        u64::from_str_radix(call["gasUsed"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    assert!(calls.iter().all(|call| call["status"] == "0x1"));
    // The second one finds a slot that is not zero.
    assert_eq!(gas(&calls[0]) - gas(&calls[1]), 17_100);
    let log = &calls[1]["logs"][0];
    assert_eq!((&log["blockHash"], &log["logIndex"]), (&blocks[0]["hash"], &json!("0x1")));
    assert_eq!(blocks[0]["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(client.get_storage_at(counter, U256::ZERO).await.unwrap(), U256::ZERO);
    assert_eq!(client.get_block_number().await.unwrap(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn failures_are_results_and_transfers_can_be_logs() {
    let node = chain().await;
    let client = client(&node);
    let reverter = deploy(&client, &REVERTER).await;
    let invalid = deploy(&client, &INVALID).await;
    let payload = json!({ "traceTransfers": true, "blockStateCalls": [{
        "stateOverrides": { SOMEBODY.to_string(): { "balance": RICH } },
        "calls": [
            { "to": reverter, "input": "0xc0ffee" },
            { "to": invalid, "gas": "0xffff" },
            { "from": SOMEBODY, "to": Address::ZERO, "value": "0x5" },
        ],
    }]});
    let blocks = rpc(&node, "eth_simulateV1", json!([payload])).await;
    let calls = &blocks[0]["calls"];
    assert_eq!(calls[0]["error"]["code"], 3);
    assert_eq!(calls[0]["returnData"], "0xc0ffee");
    assert_eq!(calls[1]["error"]["code"], -32015);
    assert_eq!(calls[1]["gasUsed"], "0xffff");
    assert_eq!(calls[2]["status"], "0x1");
    let log = &calls[2]["logs"][0];
    assert_eq!(log["address"], "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    assert_eq!(log["data"], json!(B256::with_last_byte(5)));
    node.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_simulated_has_the_specified_codes() {
    let node = chain().await;
    let sender = node.accounts()[0].address;
    let fees = json!({ "maxFeePerGas": "0x77359400", "gas": "0x5208" });
    let call = |more: Value| {
        let mut call = json!({ "from": sender, "to": SOMEBODY });
        for fields in [fees.clone(), more] {
            call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        }
        call
    };
    let calls = |call: Value| json!([{ "calls": [call] }]);
    let number = |n: &str| json!({ "blockOverrides": { "number": n } });
    for (validate, blocks, code) in [
        (false, json!([number("0x0")]), -38020),
        (false, json!([number("0x5"), number("0x5")]), -38020),
        (false, json!([{ "blockOverrides": { "time": "0x1" } }]), -38021),
        (false, json!([number("0x101")]), -38026),
        (false, calls(call(json!({ "gas": "0xffffffff" }))), -38015),
        (true, calls(call(json!({ "nonce": "0x1" }))), -38011),
        (true, calls(call(json!({ "maxFeePerGas": "0x1" }))), -38012),
        (true, calls(call(json!({ "gas": "0x5207" }))), -38013),
    ] {
        let payload = json!({ "validation": validate, "blockStateCalls": blocks });
        let error = rpc_error(&node, "eth_simulateV1", json!([payload, "latest"])).await;
        assert_eq!(error["code"], code, "{payload}: {error}");
    }
    let payload = json!({ "validation": true, "blockStateCalls": calls(call(json!({}))) });
    let blocks = rpc(&node, "eth_simulateV1", json!([payload, "latest"])).await;
    assert_eq!(blocks[0]["calls"][0]["gasUsed"], "0x5208");
    node.shutdown().await;
}

#[tokio::test]
async fn tokens_can_be_dealt_to_anybody() {
    let node = chain().await;
    let client = client(&node);
    let code = hex::decode(include_str!("../../examples/bench/token.hex").trim()).unwrap();
    let request = TransactionRequest::default().create().input(Bytes::from(code).into());
    let address = send(&client, request).await.contract_address.unwrap();
    let token = Token::new(address, &client);
    client.anvil_deal_erc20(SOMEBODY, address, U256::from(500)).await.unwrap();
    assert_eq!(token.balanceOf(SOMEBODY).call().await.unwrap(), U256::from(500));
    // What it has already can be dealt again.
    client.anvil_deal_erc20(SOMEBODY, address, U256::from(500)).await.unwrap();
    client.anvil_set_balance(SOMEBODY, U256::MAX).await.unwrap();
    client.anvil_impersonate_account(SOMEBODY).await.unwrap();
    let transfer = token.transfer(Address::ZERO, U256::from(200)).calldata().clone();
    let tx = json!([{ "from": SOMEBODY, "to": address, "input": transfer }]);
    rpc(&node, "eth_sendTransaction", tx).await;
    assert_eq!(token.balanceOf(SOMEBODY).call().await.unwrap(), U256::from(300));
    let counter = deploy(&client, &COUNTER).await;
    let params = json!([SOMEBODY, counter, "0x1"]);
    let error = rpc_error(&node, "anvil_dealERC20", params).await;
    assert!(error["message"].as_str().unwrap().contains("no storage slot"), "{error}");
    node.shutdown().await;
}

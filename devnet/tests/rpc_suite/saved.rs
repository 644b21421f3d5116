//! Saving the chain and going on from where it was.

use crate::binary::{fails, start, text};
use crate::support::{
    COUNTER, call_to, chain, client, deploy, post, request, rpc, rpc_error, send, word,
};
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use devnet::{Config, Devnet};
use serde_json::{Value, json};

const SOMEBODY: Address = address!("00000000000000000000000000000000deadbeef");

/// What clients see of a chain: blocks, receipts, waiting transactions, and some state at each
/// height.
async fn picture(node: &Devnet, contract: Address) -> Value {
    let height = rpc(node, "eth_blockNumber", json!([])).await;
    let last = u64::from_str_radix(height.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let mut blocks = Vec::new();
    for number in 0..=last {
        let number = json!(format!("{number:#x}"));
        blocks.push(json!([
            rpc(node, "eth_getBlockByNumber", json!([number, true])).await,
            rpc(node, "eth_getBlockReceipts", json!([number])).await,
            rpc(node, "eth_getProof", json!([contract, ["0x0"], number])).await,
            rpc(node, "eth_getBalance", json!([SOMEBODY, number])).await,
        ]));
    }
    json!([
        blocks,
        rpc(node, "eth_getLogs", json!([{ "fromBlock": "0x0" }])).await,
        rpc(node, "txpool_content", json!([])).await,
        rpc(node, "eth_feeHistory", json!(["0x3", "latest", []])).await,
    ])
}

/// A chain with contracts, logs, direct edits, an impersonated sender, a reorg, and waiting
/// transactions.
async fn eventful() -> (Devnet, Address) {
    let node = chain().await;
    let client = client(&node);
    let counter = deploy(&client, &COUNTER).await;
    send(&client, call_to(counter, word(1))).await;
    client.anvil_set_balance(SOMEBODY, U256::from(10).pow(U256::from(18))).await.unwrap();
    client.anvil_impersonate_account(SOMEBODY).await.unwrap();
    let tx =
        json!([{ "from": SOMEBODY, "to": counter, "input": word(2), "gasPrice": "0x77359400" }]);
    rpc(&node, "eth_sendTransaction", tx).await;
    client.anvil_mine(Some(2), None).await.unwrap();
    rpc(&node, "anvil_rollback", json!([1])).await;
    client.anvil_set_nonce(SOMEBODY, 7).await.unwrap();
    rpc(&node, "anvil_setAutomine", json!([false])).await;
    for nonce in [2, 9] {
        let tx = TransactionRequest::default().to(SOMEBODY).value(U256::from(1)).nonce(nonce);
        let _ = client.send_transaction(tx).await.unwrap();
    }
    (node, counter)
}

#[tokio::test]
async fn a_dumped_chain_goes_on_elsewhere_as_if_nothing_had_happened() {
    let (first, counter) = eventful().await;
    let before = picture(&first, counter).await;
    let dump = rpc(&first, "anvil_dumpState", json!([])).await;
    first.shutdown().await;

    let second = chain().await;
    rpc(&second, "anvil_mine", json!([3])).await;
    rpc(&second, "anvil_setAutomine", json!([false])).await;
    assert_eq!(rpc(&second, "anvil_loadState", json!([dump])).await, true);
    assert_eq!(picture(&second, counter).await, before);
    // The waiting transaction without a gap before it is mined, the other one goes on waiting.
    rpc(&second, "evm_mine", json!([])).await;
    let status = rpc(&second, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x1" }));
    rpc(&second, "anvil_setAutomine", json!([true])).await;
    let receipt = send(&client(&second), call_to(counter, word(3)).nonce(3)).await;
    assert!(receipt.status());
    let count = client(&second).get_storage_at(counter, U256::ZERO).await.unwrap();
    assert_eq!(count, U256::from(3));
    second.shutdown().await;
}

#[tokio::test]
async fn a_dump_without_history_has_the_latest_state_only() {
    let (first, counter) = eventful().await;
    let dump = rpc(&first, "anvil_dumpState", json!([false])).await;
    let second = chain().await;
    rpc(&second, "anvil_loadState", json!([dump])).await;
    assert_eq!(
        rpc(&second, "eth_getStorageAt", json!([counter, "0x0", "latest"])).await,
        json!(B256::with_last_byte(2))
    );
    let error = rpc_error(&second, "eth_getBalance", json!([SOMEBODY, "0x1"])).await;
    assert!(error["message"].as_str().unwrap().contains("historical state"), "{error}");
    let block = rpc(&second, "eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(block, rpc(&first, "eth_getBlockByNumber", json!(["0x1", false])).await);
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test]
async fn what_is_no_state_is_refused_and_changes_nothing() {
    let node = chain().await;
    rpc(&node, "anvil_mine", json!([2])).await;
    let dump = rpc(&node, "anvil_dumpState", json!([])).await;
    let dump: Bytes = serde_json::from_value(dump).unwrap();
    let end_of_head = dump.iter().position(|byte| *byte == b'\n').unwrap();
    let head = String::from_utf8(dump[..end_of_head].to_vec()).unwrap();
    let body = &dump[end_of_head..];
    let with_head = |head: String| [head.as_bytes(), body].concat();
    let mut flipped = dump.to_vec();
    flipped[end_of_head + 40] ^= 1;
    let bad = [
        (b"".to_vec(), "no state of nexus-devnet, it is empty"),
        (b"hello".to_vec(), "no state of nexus-devnet: give what"),
        (vec![0x1f, 0x8b, 8, 0], "looks like one of anvil"),
        (br#"{"block":{},"accounts":{}}"#.to_vec(), "looks like one of anvil"),
        (dump[..dump.len() - 9].to_vec(), "damaged"),
        (flipped, "damaged (checksum)"),
        (with_head(head.replace("\"version\":1", "\"version\":2")), "use the newer nexus-devnet"),
        (with_head(head.replace("412346", "1")), "start with --chain-id 1"),
        (with_head("{\"format\":\"nexus-devnet-state\",\"version\":1}".to_owned()), "first line"),
    ];
    for (bytes, text) in bad {
        let error = rpc_error(&node, "anvil_loadState", json!([Bytes::from(bytes)])).await;
        assert_eq!(error["code"], -32602, "{error}");
        assert!(error["message"].as_str().unwrap().contains(text), "{text}: {error}");
    }
    assert_eq!(rpc(&node, "eth_blockNumber", json!([])).await, "0x2");
    node.shutdown().await;
}

#[tokio::test]
async fn a_reset_leads_back_to_the_start() {
    let (node, counter) = eventful().await;
    let genesis = rpc(&node, "eth_getBlockByNumber", json!(["0x0", true])).await;
    rpc(&node, "anvil_reset", json!([])).await;
    assert_eq!(rpc(&node, "eth_getBlockByNumber", json!(["latest", true])).await, genesis);
    assert_eq!(rpc(&node, "eth_getCode", json!([counter, "latest"])).await, "0x");
    assert_eq!(rpc(&node, "eth_getBalance", json!([SOMEBODY, "latest"])).await, "0x0");
    assert_eq!(
        rpc(&node, "txpool_status", json!([])).await,
        json!({ "pending": "0x0", "queued": "0x0" })
    );
    let fork = json!([{ "forking": { "jsonRpcUrl": "http://localhost:1" } }]);
    let error = rpc_error(&node, "hardhat_reset", fork).await;
    assert!(error["message"].as_str().unwrap().contains("forking is not supported"), "{error}");
    node.shutdown().await;
}

#[tokio::test]
async fn states_older_than_the_history_are_not_taken_back() {
    let node = chain().await;
    rpc(&node, "anvil_mine", json!([5])).await;
    let dump = rpc(&node, "anvil_dumpState", json!([])).await;
    let mut config = Config::default();
    config.limits.state_history = 2;
    let short = Devnet::spawn(config).await.unwrap();
    rpc(&short, "anvil_loadState", json!([dump])).await;
    let answer = |number: u64| {
        let params = json!([SOMEBODY, format!("{number:#x}")]);
        post(&short, request("eth_getBalance", params))
    };
    let mut kept = Vec::new();
    for number in 0..=5 {
        kept.push(answer(number).await["error"].is_null());
    }
    assert_eq!(kept, [false, false, false, false, true, true]);
    node.shutdown().await;
    short.shutdown().await;
}

#[tokio::test]
async fn the_binary_saves_at_its_end_and_goes_on_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.state");
    let first = start(&["--state", text(&path)]).await;
    first.rpc("anvil_mine", json!([3])).await;
    first.rpc("anvil_setBalance", json!([SOMEBODY, "0x5"])).await;
    let head = first.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    let ended = first.signal("TERM").await;
    assert_eq!((ended.code, path.is_file()), (Some(0), true), "{ended:?}");

    let second = start(&["--state", text(&path)]).await;
    assert_eq!(second.rpc("eth_getBlockByNumber", json!(["latest", false])).await, head);
    assert_eq!(second.rpc("eth_getBalance", json!([SOMEBODY, "latest"])).await, "0x5");
    assert_eq!(second.signal("INT").await.code, Some(0));
    // Nothing but the file is left behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_killed_binary_leaves_the_last_saved_state_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.state");
    let first = start(&["--dump-state", text(&path)]).await;
    first.rpc("anvil_mine", json!([1])).await;
    first.signal("TERM").await;
    let saved = std::fs::read(&path).unwrap();

    // Saved all the time while blocks are made: whenever it is killed, the file is a whole one.
    let busy = start(&["--state", text(&path), "--state-interval", "0.001"]).await;
    let mut rounds = 0;
    while std::fs::read(&path).unwrap() == saved {
        busy.rpc("anvil_mine", json!([20])).await;
        rounds += 1;
        assert!(rounds < 1_000, "the file is never saved");
    }
    busy.rpc("anvil_mine", json!([20])).await;
    assert_eq!(busy.signal("KILL").await.code, None);
    let after = start(&["--load-state", text(&path)]).await;
    let height = after.rpc("eth_blockNumber", json!([])).await;
    assert_ne!(height, "0x1");
    after.signal("TERM").await;
}

#[tokio::test]
async fn a_state_that_cannot_be_written_does_not_stop_the_node_but_its_success() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere").join("chain.state");
    let node = start(&["--dump-state", text(&path), "--state-interval", "0.001"]).await;
    node.rpc("anvil_mine", json!([3])).await;
    assert_eq!(node.rpc("eth_blockNumber", json!([])).await, "0x3");
    let ended = node.signal("TERM").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let message = format!("state cannot be saved to {}: No such file", path.display());
    assert!(ended.errors.contains(&message), "{ended:?}");
}

#[tokio::test]
async fn a_failed_write_leaves_the_old_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let node = chain().await;
    let moment = node.handle().run(|chain| chain.moment()).await.unwrap();
    // A folder cannot be replaced by a file: the last step fails after everything was written.
    let path = folder.path().join("taken");
    std::fs::create_dir_all(path.join("inside")).unwrap();
    let error = devnet::saved::write(&path, &moment, 412_346).unwrap_err().to_string();
    assert!(error.contains("as it was before"), "{error}");
    assert!(path.join("inside").is_dir());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn the_binary_refuses_files_that_it_cannot_go_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    std::fs::write(&foreign, "{\"accounts\":{}}").unwrap();
    let absent = folder.path().join("absent");
    for (option, path, message) in [
        ("--state", &foreign, "looks like one of anvil"),
        ("--load-state", &foreign, "looks like one of anvil"),
        ("--load-state", &absent, "No such file"),
    ] {
        let ended = fails(&[option, text(path)]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.errors.contains(message), "{ended:?}");
    }
    assert_eq!(std::fs::read(&foreign).unwrap(), b"{\"accounts\":{}}");
}

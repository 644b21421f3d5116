//! Every method of the node that a command calls, and every kind of answer that is wrong once.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

#[path = "support/faults.rs"]
mod faults;
#[path = "support/market.rs"]
mod market;
mod support;

use faults::Fault;
use market::{Market, document};
use serde_json::json;
use support::text;

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_one_wrong_answer_of_each_method() {
    let market = Market::open().await;
    document(&market.buy().await);
    let methods = market.proxy.methods();
    let names: Vec<_> = methods.iter().map(String::as_str).collect();
    insta::assert_snapshot!("methods-of-buy", names.join("\n"));
    let faults = [
        Fault::DroppedRequest,
        Fault::DroppedAnswer,
        Fault::TooMany(None),
        Fault::TooMany(Some(1)),
        Fault::Html,
        Fault::Truncated,
        Fault::Result(json!(null)),
        Fault::Error(-32005, "daily request count exceeded, request rate limited"),
    ];
    for (made, fault) in (2u64..).zip(faults) {
        market.proxy.reset();
        for method in &methods {
            market.proxy.break_next(method, fault.clone(), 1);
        }
        let bought = document(&market.buy().await);
        assert_eq!(bought["purchaseId"], made, "{fault:?}");
        assert_eq!(market.purchases().await, made, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_make_sense_but_are_wrong_once_are_not_believed() {
    let market = Market::open().await;
    market.call("anvil_mine", json!(["0x100"])).await;
    let wrong = [
        // The node has the block's state, not yet its logs.
        ("eth_getLogs", Fault::Result(json!([]))),
        // It does not answer for so many blocks.
        ("eth_getLogs", Fault::Error(-32602, "block range is too large")),
        // Another backend of the load balancer.
        ("eth_chainId", Fault::Result(json!("0x1"))),
        ("eth_getTransactionCount", Fault::Result(json!("0x9"))),
        ("eth_getTransactionReceipt", Fault::Result(json!(null))),
        ("eth_blockNumber", Fault::Result(json!("0x0"))),
    ];
    for (made, (method, fault)) in (1u64..).zip(wrong) {
        market.proxy.reset();
        market.proxy.break_next(method, fault.clone(), 1);
        let output = market.buy().await;
        assert!(output.status.success(), "{method} {fault:?}: {}", text(&output.stderr));
        assert_eq!(document(&output)["purchaseId"], made, "{method} {fault:?}");
        assert_eq!(market.purchases().await, made, "{method} {fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_ranges_of_logs_are_enough() {
    let market = Market::open().await;
    market.call("anvil_mine", json!(["0x400"])).await;
    market.proxy.break_next("eth_getLogs", Fault::Error(-32602, "at most 100 blocks"), 4);
    let shown = document(&market.nexus(&["agent", "show", "1"]).await);
    assert_eq!(shown["manifest"]["name"], "summarize");
    assert!(market.proxy.count("eth_getLogs") > 4 + 16);
}

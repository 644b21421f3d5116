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
        ("429", Fault::TooMany(None)),
        ("429, Retry-After", Fault::TooMany(Some(1))),
        ("dropped before", Fault::DroppedRequest),
        ("dropped after", Fault::DroppedAnswer),
        ("HTML", Fault::Html),
        ("truncated", Fault::Truncated),
        ("null", Fault::Result(json!(null))),
        ("rate limit", Fault::Error(-32005, "daily request count exceeded, request rate limited")),
    ];
    assert_book_shows(&names, &faults.each_ref().map(|(title, _)| *title));
    for (made, (_, fault)) in (2u64..).zip(faults) {
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

/// The book's table has a row for each method and a column for each answer.
fn assert_book_shows(methods: &[&str], titles: &[&str]) {
    const MARKS: (&str, &str) =
        ("<!-- table of nexus: made by the tests -->\n", "<!-- end of the table of nexus -->");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/node-faults.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(MARKS.0).unwrap();
    let (_, after) = rest.split_once(MARKS.1).unwrap();
    let row = |name: &str, cells: &[&str]| format!("| {name} | {} |\n", cells.join(" | "));
    let mut table = row("method", titles) + "|---|" + &"---|".repeat(titles.len()) + "\n";
    for method in methods {
        table += &row(&format!("`{method}`"), &vec!["once"; titles.len()]);
    }
    let made = format!("{before}{}{table}{}{after}", MARKS.0, MARKS.1);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(page == made, "docs/src/node-faults.md is old: run with UPDATE_DOCS=1");
}

//! Every method that the keeper calls, against every wrong answer: each purchase is run once and
//! settled once, by a keeper that goes on. The table in the book is made here.

#![allow(clippy::print_stderr, reason = "a failure is found by the round that was on")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use common::World;
use common::faults::Fault;
use common::keeper::KeeperProcess;
use common::wait::until;
use domain::job::Kind;
use keeper::Config;

/// Methods that the keeper calls at its start, or with its first settlement, and then rarely.
const AT_START: &[&str] = &["eth_chainId", "eth_getCode", "eth_getStorageAt"];
/// Methods that it calls while it works.
const AT_WORK: &[&[&str]] = &[
    &["eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getLogs"],
    &["eth_call", "eth_estimateGas", "eth_getBalance"],
    &["eth_getTransactionCount", "eth_sendRawTransaction", "eth_getTransactionReceipt"],
];

fn config(world: &World) -> Config {
    let mut config = world.config();
    config.chain.rpc_timeout_ms = 1500;
    config
}

/// One purchase with a fault armed from before it is bought until it is settled.
async fn survives(
    world: &World,
    keeper: &mut KeeperProcess,
    agent: alloy::primitives::U256,
    method: &str,
    fault: Fault,
) {
    eprintln!("---- {method}: {}", fault.title());
    let at_start = AT_START.contains(&method);
    if at_start || method == "eth_getLogs" {
        // Logs are asked for by the keeper that was away; the tip is proven by receipts.
        keeper.kill9();
        world.mine(300).await;
    }
    world.node.faults.arm(method, fault);
    let purchase = world.buy(agent, &format!("log once\nout {method}")).await;
    if !keeper.is_running() {
        keeper.restart();
    }
    let given = || async { (world.node.faults.given() > 0).then_some(()) };
    until(&format!("{method} is asked"), given).await;
    let state = world.assert_settled_once(keeper, purchase).await;
    world.node.faults.disarm();
    assert_eq!(state.run().map(|run| run.attempt), Some(1), "{method} {fault:?}: run once");
    assert!(keeper.is_running(), "{method} {fault:?}: the keeper goes on");
}

async fn survive_all(methods: &[&str]) {
    let world = World::start().await;
    let mut keeper = world.keeper(&config(&world));
    let agent = world.list().await;
    for method in methods {
        for fault in Fault::ALL.iter().filter(|fault| fault.fits(method)) {
            survives(&world, &mut keeper, agent, method, *fault).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_at_the_start() {
    survive_all(AT_START).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_about_blocks_and_logs() {
    survive_all(AT_WORK[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_about_state() {
    survive_all(AT_WORK[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_about_transactions() {
    survive_all(AT_WORK[2]).await;
}

/// A method that is not in the lists above would be missing in the table, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_lists_name_every_method_that_the_keeper_calls() {
    let world = World::start().await;
    let mut keeper = world.keeper(&config(&world));
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    keeper.reaches(purchase, Kind::Final).await;
    keeper.kill9();
    world.mine(300).await;
    let later = world.buy(agent, "out later").await;
    keeper.restart();
    keeper.reaches(later, Kind::Final).await;
    let called: BTreeSet<String> = world.node.faults.take_seen().into_keys().collect();
    let listed: BTreeSet<String> = methods().map(str::to_owned).collect();
    assert_eq!(called, listed);
}

fn methods() -> impl Iterator<Item = &'static str> {
    AT_START.iter().chain(AT_WORK.iter().copied().flatten()).copied()
}

#[test]
fn the_book_shows_the_table() {
    const MARKS: (&str, &str) = ("<!-- table: made by the tests -->\n", "<!-- end of table -->");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/node-faults.md");
    let page = std::fs::read_to_string(path).expect("docs/src/node-faults.md");
    let (before, rest) = page.split_once(MARKS.0).expect("the mark before the table");
    let (_, after) = rest.split_once(MARKS.1).expect("the mark after the table");
    let made = format!("{before}{}{}{}{after}", MARKS.0, table(), MARKS.1);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &made).expect("the page is written");
    }
    assert!(page == made, "docs/src/node-faults.md is old: run with UPDATE_DOCS=1");
}

/// A row for each method, a column for each fault; a dash where a node cannot answer so.
fn table() -> String {
    let titles: Vec<_> = Fault::ALL.iter().map(|fault| fault.title()).collect();
    let mut table =
        format!("| method | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for method in methods() {
        let cells: Vec<_> =
            Fault::ALL.iter().map(|fault| if fault.fits(method) { "once" } else { "–" }).collect();
        let _ = writeln!(table, "| `{method}` | {} |", cells.join(" | "));
    }
    table
}

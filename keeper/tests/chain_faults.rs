//! A node that is wrong for a moment: no purchase is lost, nothing is run twice, nothing ends.

mod common;

use common::World;
use common::faulty_node::{Answer, FaultyNode};
use common::keeper::KeeperProcess;
use common::wait::until;
use domain::job::Kind;
use serde_json::{Value, json};

/// A world whose keeper speaks to a node that can be made to lie.
async fn faulty() -> (World, FaultyNode, keeper::Config) {
    let world = World::start().await;
    let node = FaultyNode::start(world.devnet.rpc_url()).await;
    let mut config = world.config();
    config.chain.rpc_url = node.url();
    (world, node, config)
}

async fn served_once(world: &World, keeper: &KeeperProcess, purchase: u64) {
    let state = world.assert_settled_once(keeper, purchase).await;
    assert_eq!(state.run().map(|run| run.attempt), Some(1), "it ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_logs_are_not_indexed_yet_is_asked_for_until_they_are() {
    let (world, node, config) = faulty().await;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let first = world.buy(agent, "out first").await;
    served_once(&world, &keeper, first).await;
    let lies: [fn() -> Answer; 4] = [
        || Answer::Result(json!([])),
        || Answer::Result(Value::Null),
        // The receipts of a block, but without their logs.
        || {
            Answer::Edited(|receipts| {
                for receipt in receipts.as_array_mut().into_iter().flatten() {
                    receipt["logs"] = json!([]);
                }
            })
        },
        // All but the last log.
        || {
            Answer::Edited(|receipts| {
                let logs = receipts.as_array_mut().and_then(|all| all.last_mut());
                logs.and_then(|last| last["logs"].as_array_mut()).and_then(Vec::pop);
            })
        },
    ];
    for lie in lies {
        let before = node.count("eth_getBlockReceipts");
        node.fail(3, "eth_getBlockReceipts", lie);
        let purchase = world.buy(agent, "out result").await;
        served_once(&world, &keeper, purchase).await;
        assert!(node.count("eth_getBlockReceipts") >= before + 4, "it was asked again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_block_receipts_gives_those_of_the_transactions() {
    let (world, node, config) = faulty().await;
    node.answer(|method, _| match method {
        "eth_getBlockReceipts" => Answer::Error(-32601, "the method does not exist"),
        _ => Answer::True,
    });
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    served_once(&world, &keeper, purchase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_that_a_range_of_logs_left_out_are_found_by_their_numbers() {
    let (world, node, mut config) = faulty().await;
    config.chain.max_reorg_depth = 8;
    let agent = world.list().await;
    let mut purchases = vec![world.buy(agent, "out first").await];
    world.mine(30).await;
    purchases.push(world.buy(agent, "out second").await);
    world.mine(30).await;
    // Ranges come back empty; a look for one purchase, which names it, does not.
    node.answer(|method, params| match (method, &params[0]["topics"][1]) {
        ("eth_getLogs", Value::Null) => Answer::Result(json!([])),
        _ => Answer::True,
    });
    let mut keeper = world.keeper(&config);
    for purchase in &purchases {
        served_once(&world, &keeper, *purchase).await;
    }
    // Not even that, and after a restart: it is read from storage and waits for its input.
    keeper.kill9();
    let kept_back = world.buy(agent, "out third").await;
    world.mine(30).await;
    node.answer(|method, _| match method {
        "eth_getLogs" => Answer::Result(json!([])),
        _ => Answer::True,
    });
    keeper.restart();
    let state = keeper.reaches(kept_back, Kind::Confirmed).await;
    assert_eq!(state.purchase().buyer, world.buyer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_state_of_old_hides_no_purchase_before_the_first_live_one() {
    let (world, node, mut config) = faulty().await;
    config.chain.max_reorg_depth = 8;
    let mut before = world.keeper(&config);
    let agent = world.list().await;
    let closed = world.buy(agent, "out closed").await;
    served_once(&world, &before, closed).await;
    before.kill9();
    let missed = world.buy(agent, "out missed").await;
    world.mine(30).await;
    // A pruned node, whose ranges come back empty, and a keeper with a new store.
    node.answer(|method, params| match (method, &params[0]["topics"][1]) {
        ("eth_getLogs", Value::Null) => Answer::Result(json!([])),
        ("eth_call", _) if params[1] == "0x0" => Answer::Error(-32000, "missing trie node"),
        _ => Answer::True,
    });
    config.chain.start_block = 1;
    config.store.path = world.folder.path().join("new").join("keeper.db");
    let keeper = world.keeper(&config);
    // Either is found whichever comes first.
    let live = world.buy(agent, "out live").await;
    served_once(&world, &keeper, live).await;
    served_once(&world, &keeper, missed).await;
    assert_eq!(keeper.job(closed), None, "it was closed long ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_limits_ranges_is_asked_for_smaller_ones() {
    let (world, node, mut config) = faulty().await;
    config.chain.max_reorg_depth = 8;
    let agent = world.list().await;
    let mut purchases = Vec::new();
    for _ in 0..3 {
        purchases.push(world.buy(agent, "out result").await);
        world.mine(40).await;
    }
    node.answer(|method, params| {
        let number = |key: &str| {
            let text = params[0][key].as_str().unwrap_or("0x0").trim_start_matches("0x");
            u64::from_str_radix(text, 16).unwrap_or(0)
        };
        if method == "eth_getLogs" && number("toBlock") - number("fromBlock") >= 10 {
            return Answer::Error(-32005, "query exceeds max block range 10");
        }
        Answer::True
    });
    let keeper = world.keeper(&config);
    for purchase in purchases {
        served_once(&world, &keeper, purchase).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_first_calls_do_not_end_the_keeper() {
    let (world, node, config) = faulty().await;
    let agent = world.list().await;
    let methods = ["eth_chainId", "eth_getCode", "eth_getBlockByNumber", "eth_call"];
    let faults: [fn() -> Answer; 6] = [
        || Answer::Status(429),
        || Answer::Status(502),
        || Answer::Dropped,
        || Answer::Error(-32000, "header not found"),
        || Answer::Result(Value::Null),
        // Another chain, no code, no data: as of a node that has just started.
        || Answer::Result(json!("0x")),
    ];
    // One rule for all: the first answers of each method are wrong, each time in another way.
    let mut told = std::collections::HashMap::new();
    node.answer(move |method, _| {
        let count: &mut usize = told.entry(method.to_owned()).or_default();
        let fault = *count;
        *count += 1;
        match faults.get(fault) {
            Some(fault) if methods.contains(&method) => fault(),
            _ => Answer::True,
        }
    });
    let mut keeper = world.keeper(&config);
    let purchase = world.buy(agent, "out result").await;
    served_once(&world, &keeper, purchase).await;
    assert!(keeper.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_ends_the_keeper_only_if_it_stays_so() {
    let (world, node, config) = faulty().await;
    node.fail(3, "eth_chainId", || Answer::Result(json!("0x1")));
    let keeper = keeper::Keeper::start(config.clone(), Default::default()).await;
    keeper.expect("it was a passing answer");

    node.fail(usize::MAX, "eth_chainId", || Answer::Result(json!("0x1")));
    let mut config = config;
    config.store.path = world.folder.path().join("another.db");
    let error = keeper::Keeper::start(config, Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("the node is on chain 1"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_behind_or_on_a_fork_for_a_moment_changes_nothing() {
    let (world, node, config) = faulty().await;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "log one\nsleep 2500\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(purchase).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    // Every third answer is of a backend one block behind, every seventh of one on a fork.
    let mut answers = 0;
    node.answer(move |method, params| {
        if method != "eth_getBlockByNumber" || params[0] != "latest" {
            return Answer::True;
        }
        answers += 1;
        match answers {
            n if n % 7 == 0 => Answer::Edited(|block| {
                block["hash"] = json!(format!("0x{}", "ab".repeat(32)));
            }),
            n if n % 3 == 0 => Answer::Edited(|block| {
                let number = block["number"].as_str().unwrap_or_default()[2..].to_owned();
                let behind = u64::from_str_radix(&number, 16).unwrap_or(1) - 1;
                let parent = block["parentHash"].clone();
                block["number"] = json!(format!("{behind:#x}"));
                block["hash"] = parent;
            }),
            _ => Answer::True,
        }
    });
    served_once(&world, &keeper, purchase).await;
    let history = keeper.history(purchase);
    assert!(!history.contains(&"reorged".to_owned()), "{history:?}");
}

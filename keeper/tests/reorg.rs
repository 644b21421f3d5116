//! Blocks that leave the chain with a purchase or a settlement in them.

mod common;

use alloy::primitives::{Bytes, U256, keccak256};
use alloy::providers::Provider;
use common::World;
use common::wait::until;
use domain::job::Kind;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_leaves_the_chain_is_neither_run_nor_settled() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.confirmations = 3;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out never").await;
    keeper.reaches(purchase, Kind::Seen).await;
    world.raw("anvil_reorg", json!([1, []])).await;
    keeper.reaches(purchase, Kind::Reorged).await;
    world.mine(10).await;
    assert_eq!(keeper.history(purchase), ["seen", "reorged"]);

    // Its number is given to the next purchase, which is served.
    let next = world.buy(agent, "out again").await;
    assert_eq!(next, purchase);
    world.mine(3).await;
    world.assert_settled_once(&keeper, next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_agent_is_stopped_when_its_purchase_leaves_the_chain() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "log one\nsleep 25000\nout never").await;
    until("the agent's first line", || {
        let seen = !keeper.log(purchase).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    world.raw("anvil_reorg", json!([1, []])).await;
    keeper.reaches(purchase, Kind::Reorged).await;
    until("no container is left", || async {
        common::containers::of(world.account).await.is_empty().then_some(())
    })
    .await;
    assert!(world.settlements(purchase).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_leaves_the_chain_is_made_again_without_a_second_run() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.finality_blocks = 5;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    let before = keeper.reaches(purchase, Kind::Settled).await;
    world.raw("anvil_reorg", json!([1, []])).await;
    assert_eq!(world.status(purchase).await, 1, "open again");
    world.reaches(purchase, 2).await;
    keeper.reaches(purchase, Kind::Settled).await;
    world.mine(6).await;
    let after = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(after.prepared().unwrap().intent, before.prepared().unwrap().intent);
    assert_eq!(after.run().unwrap().attempt, 1, "the work was not done again");
    let starts = keeper.history(purchase).iter().filter(|state| *state == "running").count();
    assert_eq!(starts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn purchase_and_settlement_can_leave_and_come_back_together() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.finality_blocks = 20;
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    keeper.reaches(purchase, Kind::Settled).await;
    // The keeper is away while it happens, and finds out by its stored blocks.
    keeper.kill9();
    world.raw("anvil_reorg", json!([2, []])).await;
    world.mine(2).await;
    let again = world.buy(agent, "out result").await;
    assert_eq!(again, purchase);
    keeper.restart();
    world.reaches(purchase, 2).await;
    keeper.reaches(purchase, Kind::Settled).await;
    world.mine(21).await;
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().unwrap().attempt, 1, "the same bargain: the work counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_purchase_under_the_same_number_gets_its_own_run_and_settlement() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.finality_blocks = 20;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let first = world.buy(agent, "out for the first").await;
    keeper.reaches(first, Kind::Settled).await;
    world.raw("anvil_reorg", json!([2, []])).await;
    let input = Bytes::from_static(b"out for the other");
    let hash = keccak256(&input);
    let other = world.buy_as(world.other_buyer, agent, hash, input).await;
    assert_eq!(other, first, "the number is given again");
    world.reaches(other, 2).await;
    keeper.reaches(other, Kind::Settled).await;
    world.mine(21).await;
    let state = world.assert_settled_once(&keeper, other).await;
    let run = state.run().unwrap();
    assert_eq!(keeper.blob(run.result_hash).unwrap(), b"for the other\n");
    assert_eq!(state.prepared().unwrap().intent.receipt.buyer, world.other_buyer);
    assert_eq!(world.credit(world.buyer).await, U256::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_deeper_than_allowed_stops_the_watching_and_changes_nothing() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.max_reorg_depth = 3;
    config.chain.confirmations = 50;
    config.api.listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out never").await;
    world.mine(6).await;
    let tip = world.provider.get_block_number().await.unwrap() as i64;
    until("all blocks are taken in", || {
        let cursor = keeper.count("SELECT max(number) FROM blocks");
        async move { (cursor == tip).then_some(()) }
    })
    .await;
    world.raw("anvil_reorg", json!([7, []])).await;
    let health = format!("http://{}/healthz", config.api.listen);
    until("the keeper says so", || async {
        let text = reqwest::get(&health).await.ok()?.text().await.ok()?;
        text.contains("max_reorg_depth").then_some(())
    })
    .await;
    assert!(keeper.is_running());
    assert_eq!(keeper.history(purchase), ["seen"]);
    assert_eq!(keeper.count("SELECT max(number) FROM blocks"), tip);
}

/// Buys, waits until that is as final as it gets, takes everything back, and buys again: what
/// tests of applications do all day.
async fn bought_reverted_and_bought_again(finality: u64, depth: u64, mined: u64) {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.finality_blocks = finality;
    config.chain.max_reorg_depth = depth;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let snapshot = world.raw("evm_snapshot", json!([])).await;
    let first = world.buy(agent, "out for the first").await;
    keeper.reaches(first, Kind::Settled).await;
    world.mine(mined).await;
    keeper.reaches(first, Kind::Final).await;

    assert_eq!(world.raw("evm_revert", json!([snapshot])).await, json!(true));
    let other = world.buy(agent, "out for the other").await;
    assert_eq!(other, first, "the number is given again");
    world.reaches(other, 2).await;
    world.mine(mined).await;
    let state = until("the other order is final", || {
        let state = keeper.job(other).filter(|state| {
            state.kind() == Kind::Final
                && state.purchase().input_hash == keccak256("out for the other")
        });
        async move { state }
    })
    .await;
    let run = state.run().expect("a run");
    assert_eq!(keeper.blob(run.result_hash).expect("a result"), b"for the other\n");
    world.assert_settled_once(&keeper, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_run_again_after_everything_was_final_and_reverted() {
    bought_reverted_and_bought_again(0, 64, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_beyond_finality_is_followed_at_8_and_15() {
    bought_reverted_and_bought_again(8, 15, 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_beyond_finality_is_followed_at_the_defaults() {
    bought_reverted_and_bought_again(64, 128, 70).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_bought_five_times_over_is_served_each_time() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    // The third and the fifth are orders that were there before: their receipts count again.
    let orders = ["out a", "out b", "out a", "out c", "out b", "out d", "out a"];
    let mut receipts = std::collections::HashMap::new();
    for order in orders {
        let snapshot = world.raw("evm_snapshot", json!([])).await;
        let purchase = world.buy(agent, order).await;
        world.reaches(purchase, 2).await;
        let state = until(&format!("`{order}` is final"), || {
            let state = keeper.job(purchase).filter(|state| {
                state.kind() == Kind::Final && state.purchase().input_hash == keccak256(order)
            });
            async move { state }
        })
        .await;
        let receipt = state.prepared().unwrap().intent.receipt_hash;
        assert_eq!(*receipts.entry(order).or_insert(receipt), receipt, "one receipt an order");
        world.raw("evm_revert", json!([snapshot])).await;
    }
    assert!(!keeper.history(1).contains(&"stuck".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_became_shorter_and_stays_so_is_followed() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let snapshot = world.raw("evm_snapshot", json!([])).await;
    let purchase = world.buy(agent, "out result").await;
    keeper.reaches(purchase, Kind::Final).await;
    world.raw("evm_revert", json!([snapshot])).await;
    keeper.reaches(purchase, Kind::Reorged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_another_listing_is_not_passed_off_for_this_one() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let snapshot = world.raw("evm_snapshot", json!([])).await;
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    keeper.reaches(purchase, Kind::Final).await;
    let starts = |keeper: &common::keeper::KeeperProcess| {
        keeper.history(purchase).iter().filter(|state| *state == "running").count()
    };
    assert_eq!(starts(&keeper), 1);

    // The same agent and version, bought by the same buyer for the same price and input, but
    // with another manifest behind it.
    world.raw("evm_revert", json!([snapshot])).await;
    let image = common::agent::load().await;
    assert_eq!(world.list_as(&common::agent::manifest(29), image).await, agent);
    assert_eq!(world.buy(agent, "out result").await, purchase);
    let state = keeper.reaches(purchase, Kind::Stuck).await;
    let reason = state.stuck_reason().unwrap();
    assert!(reason.contains("signer vouches for an order once"), "{reason}");
    assert_eq!(starts(&keeper), 1, "nothing was run that could not be settled");
    assert_eq!(world.status(purchase).await, 1, "left to be refunded");
}

//! Settlements in trouble: stalled, overtaken, unpaid, forbidden.

mod common;

use common::World;
use common::gate::Place;
use common::wait::until;
use domain::job::Kind;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_bundle_is_sent_again_for_more() {
    let world = World::start().await;
    let mut config = world.config();
    config.settle.stall_seconds = 1;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let purchase = world.buy(agent, "out result").await;
    gate.reached().await;
    world.raw("evm_setAutomine", json!([false])).await;
    gate.open();
    until("a second transaction of the bundle", || {
        let count = keeper.count("SELECT count(*) FROM bundle_txs");
        async move { (count >= 2).then_some(()) }
    })
    .await;
    world.raw("evm_setAutomine", json!([true])).await;
    world.mine(1).await;
    world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(keeper.count("SELECT count(*) FROM bundles"), 1, "one nonce, one bundle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_used_by_somebody_else_costs_only_a_new_bundle() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let purchase = world.buy(agent, "out result").await;
    gate.reached().await;
    world.raw("anvil_setNonce", json!([world.keys.bundler, "0x5"])).await;
    gate.open();
    world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(keeper.count("SELECT max(nonce) FROM bundles"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_money_waits_for_some() {
    let world = World::start().await;
    world.raw("anvil_setBalance", json!([world.account, "0x0"])).await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    keeper.reaches(purchase, Kind::Signed).await;
    assert_eq!(world.status(purchase).await, 1);
    world.raw("anvil_setBalance", json!([world.account, "0x4563918244f40000"])).await;
    world.assert_settled_once(&keeper, purchase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_may_not_settle_is_stuck_until_restarted_and_keeps_its_work() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let registry = world.registry();
    let removed = registry.removeKeeper(world.account).from(world.owner).send().await.unwrap();
    assert!(removed.get_receipt().await.unwrap().status());
    let purchase = world.buy(agent, "out result").await;
    let stuck = keeper.reaches(purchase, Kind::Stuck).await;
    assert!(stuck.stuck_reason().unwrap().contains("NotKeeper"), "{:?}", stuck.stuck_reason());

    let added = registry.addKeeper(world.account).from(world.owner).send().await.unwrap();
    assert!(added.get_receipt().await.unwrap().status());
    keeper.kill9();
    keeper.restart();
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().unwrap().attempt, 1, "the agent ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_below_the_operators_price_is_left_alone() {
    let world = World::start().await;
    let mut config = world.config();
    config.settle.min_price = common::world::PRICE + 1;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    let stuck = keeper.reaches(purchase, Kind::Stuck).await;
    assert!(stuck.stuck_reason().unwrap().contains("settle.min_price"));
    assert!(stuck.run().is_none());
}

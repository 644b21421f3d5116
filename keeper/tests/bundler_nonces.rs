//! The bundler's nonce: one wrong answer costs nothing, a gap heals, a chain that goes back is
//! followed.

mod common;

use alloy::primitives::{Bytes, U256, keccak256};
use common::World;
use common::faults::Fault;
use common::gate::Place;
use common::keeper::KeeperProcess;
use common::wait::until;
use domain::job::Kind;
use rusqlite::Connection;
use serde_json::json;

/// Buys a run that fails without a container: its input is not what the manifest wants.
async fn buy_failing(world: &World, agent: U256, number: u64) -> u64 {
    let mut input = vec![0xff];
    input.extend(number.to_be_bytes());
    let hash = keccak256(&input);
    world.buy_with(agent, hash, input.into()).await
}

async fn list(world: &World) -> U256 {
    world.list_as(&common::agent::manifest(30), keccak256("no image")).await
}

async fn settled_as_failed(world: &World, keeper: &KeeperProcess, purchase: u64) {
    keeper.reaches(purchase, Kind::Final).await;
    let settlements = world.settlements(purchase).await;
    assert_eq!((settlements.len(), settlements[0].ok), (1, false), "settled exactly once");
    assert_eq!(world.status(purchase).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_nonce_that_is_too_high_is_not_believed() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = list(&world).await;
    world.node.faults.arm("eth_getTransactionCount", Fault::Ahead);
    for number in 0..3 {
        let purchase = buy_failing(&world, agent, number).await;
        settled_as_failed(&world, &keeper, purchase).await;
    }
    assert_eq!(world.node.faults.disarm(), 1, "the lie was told");
    assert_eq!(keeper.count("SELECT max(nonce) FROM bundles"), 2, "no nonce was skipped");
    assert_eq!(keeper.count("SELECT count(*) FROM bundles"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_in_the_pool_is_not_given_up_for_one_nonce_that_is_too_high() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = list(&world).await;
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let purchase = buy_failing(&world, agent, 0).await;
    gate.reached().await;
    world.raw("evm_setAutomine", json!([false])).await;
    world.node.faults.arm("eth_getTransactionCount", Fault::Ahead);
    gate.open();
    until("the lie is told", || async { (world.node.faults.given() == 1).then_some(()) }).await;
    world.raw("evm_setAutomine", json!([true])).await;
    world.mine(1).await;
    settled_as_failed(&world, &keeper, purchase).await;
    assert_eq!(keeper.count("SELECT count(*) FROM bundles"), 1, "the bundle was kept");
    let states = keeper.history(purchase);
    assert_eq!(states.iter().filter(|state| *state == "signed").count(), 1, "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_beyond_a_gap_is_overtaken_and_everything_after_it_settles() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = list(&world).await;
    let gate = world.signers.gate.clone();
    gate.close("signBundle", Place::Request);
    let first = buy_failing(&world, agent, 0).await;
    gate.reached().await;
    keeper.kill9();
    // As an earlier version left it behind that believed in a nonce that was too high.
    let store = Connection::open(world.config().store.path).expect("the store");
    assert_eq!(store.execute("UPDATE bundles SET nonce = 3", []).expect("a bundle"), 1);
    drop(store);
    gate.open();
    keeper.restart();
    settled_as_failed(&world, &keeper, first).await;
    for number in 1..6 {
        let purchase = buy_failing(&world, agent, number).await;
        settled_as_failed(&world, &keeper, purchase).await;
    }
    assert_eq!(keeper.count("SELECT count(*) FROM bundles WHERE status = 'shelved'"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_goes_back_beyond_finality_takes_its_nonces_along() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = list(&world).await;
    let first = buy_failing(&world, agent, 0).await;
    settled_as_failed(&world, &keeper, first).await;
    for round in 0..3 {
        let snapshot = world.raw("evm_snapshot", json!([])).await;
        let mut last = first;
        for number in 0..2 {
            last = buy_failing(&world, agent, 100 * round + number).await;
            settled_as_failed(&world, &keeper, last).await;
        }
        assert_eq!(world.raw("evm_revert", json!([snapshot])).await, json!(true));
        // The numbers taken back go to others, whose fate is another test's.
        let mut next = first;
        while next < last {
            let input = Bytes::copy_from_slice(&[0xff, 1, round as u8, next as u8]);
            let (hash, buyer) = (keccak256(&input), world.other_buyer);
            next = world.buy_as(buyer, agent, hash, input).await;
        }
        let later = buy_failing(&world, agent, 100 * round + 50).await;
        assert!(later > last, "a number that was never used before");
        world.reaches(later, 3).await;
    }
    assert_eq!(world.settlements(first).await.len(), 1);
}

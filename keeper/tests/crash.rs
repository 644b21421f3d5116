//! kill -9 at every place where a keeper could lose or repeat something.

mod common;

use common::World;
use common::gate::{Gate, Place};
use common::wait::until;
use domain::job::Kind;

/// Runs a purchase up to a gate, kills the keeper there, restarts it, and sees it end well.
async fn killed_at(gate: impl Fn(&World) -> Gate, message: &str, place: Place) {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let gate = gate(&world);
    gate.close(message, place);
    let purchase = world.buy(agent, "log once\nout result").await;
    gate.reached().await;
    keeper.kill9();
    gate.open();
    keeper.restart();
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().map(|run| run.attempt), Some(1), "the agent ran once");
    assert_eq!(keeper.log(purchase), ["once"]);
}

fn node(world: &World) -> Gate {
    world.node.gate.clone()
}

fn signer(world: &World) -> Gate {
    world.signers.gate.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_receipt_is_signed() {
    killed_at(signer, "signReceipt", Place::Request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_receipt_is_signed_but_not_stored() {
    killed_at(signer, "signReceipt", Place::Answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_operation_is_signed_but_not_stored() {
    killed_at(signer, "signUserOperation", Place::Answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_bundle_is_planned_but_not_signed() {
    killed_at(signer, "signBundle", Place::Request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_bundle_is_signed_but_not_stored() {
    killed_at(signer, "signBundle", Place::Answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_signing_and_sending() {
    killed_at(node, "eth_sendRawTransaction", Place::Request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sending() {
    killed_at(node, "eth_sendRawTransaction", Place::Answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_receipt_of_the_bundle_is_read() {
    killed_at(node, "eth_getTransactionReceipt", Place::Answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_agent_runs_its_container_is_taken_over() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "log one\nsleep 3000\nlog two\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(purchase).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    keeper.kill9();
    keeper.restart();
    let state = world.assert_settled_once(&keeper, purchase).await;
    let run = state.run().unwrap();
    assert_eq!(keeper.blob(run.result_hash).unwrap(), b"result\n");
    assert_eq!(keeper.blob(run.log_hash).unwrap(), b"one\ntwo\n");
    assert_eq!(keeper.log(purchase), ["one", "two"], "no line is shown twice");
    assert_eq!(run.attempt, 1, "the same container");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_agent_runs_and_its_container_is_gone_it_runs_again() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "log one\nsleep 1500\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(purchase).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    keeper.kill9();
    common::containers::remove_all(world.account).await;
    keeper.restart();
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().unwrap().attempt, 2);
    assert!(common::containers::of(world.account).await.is_empty(), "no container is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_agent_finish_and_exits_with_zero() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let running = world.buy(agent, "log one\nsleep 1500\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(running).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    let status = keeper.terminate().await;
    assert_eq!(status.code(), Some(0));
    let state = keeper.job(running).unwrap();
    assert!(state.run().is_some(), "the run was kept: {:?}", state.kind());
    let waiting = world.buy(agent, "out later").await;
    keeper.restart();
    let first = world.assert_settled_once(&keeper, running).await;
    assert_eq!(first.run().unwrap().attempt, 1);
    world.assert_settled_once(&keeper, waiting).await;
    keeper.reaches(waiting, Kind::Final).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_outlasts_the_grace_period_is_taken_over_by_the_next_start() {
    let world = World::start().await;
    let mut config = world.config();
    config.shutdown.grace_seconds = 0;
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "log one\nsleep 4000\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(purchase).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    assert_eq!(keeper.terminate().await.code(), Some(0));
    assert_eq!(keeper.job(purchase).unwrap().kind(), Kind::Running);
    assert_eq!(common::containers::of(world.account).await.len(), 1, "the agent goes on");
    keeper.restart();
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().unwrap().attempt, 1, "the same container");
}

//! Several bundles under way at once: on consecutive nonces, each operation mined once, through
//! kills and forks.

mod common;

use alloy::primitives::{U256, keccak256};
use common::World;
use common::gate::Place;
use common::keeper::KeeperProcess;
use common::wait::until;
use domain::job::Kind;
use serde_json::json;

/// Purchases of one test.
const PURCHASES: u64 = 8;

async fn list(world: &World) -> U256 {
    world.list_as(&common::agent::manifest(30), keccak256("no image")).await
}

/// Buys runs that fail without a container: their input is not what the manifest wants.
async fn buy_many(world: &World, agent: U256) -> Vec<u64> {
    let mut purchases = Vec::new();
    for number in 0..PURCHASES {
        let input = vec![0xff, number as u8];
        let hash = keccak256(&input);
        purchases.push(world.buy_with(agent, hash, input.into()).await);
    }
    purchases
}

/// Lets the keeper come to where nothing but blocks is missing: all bundles are with the node.
async fn bundles_wait_for_blocks(world: &World, config: &keeper::Config) -> KeeperProcess {
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let keeper = world.keeper(config);
    until("every operation is signed", || {
        let sql = "SELECT count(*) FROM jobs WHERE kind IN ('signed', 'sent')";
        let signed = keeper.count(sql) as u64;
        async move { (signed == PURCHASES).then_some(()) }
    })
    .await;
    world.raw("evm_setAutomine", json!([false])).await;
    gate.open();
    until("several bundles are with the node", || async {
        let status = world.raw("txpool_status", json!([])).await;
        let pending = status["pending"].as_str()?.trim_start_matches("0x");
        (u64::from_str_radix(pending, 16).ok()? >= 3).then_some(())
    })
    .await;
    keeper
}

async fn all_settled_once(world: &World, keeper: &KeeperProcess, purchases: &[u64]) {
    for purchase in purchases {
        keeper.reaches(*purchase, Kind::Final).await;
        let settlements = world.settlements(*purchase).await;
        assert_eq!((settlements.len(), settlements[0].ok), (1, false), "{purchase}");
    }
}

async fn start(world: &World) -> (keeper::Config, Vec<u64>) {
    let agent = list(world).await;
    let purchases = buy_many(world, agent).await;
    let mut config = world.config();
    config.settle.max_batch = 2;
    (config, purchases)
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_do_not_wait_for_each_other() {
    let world = World::start().await;
    let (config, purchases) = start(&world).await;
    let keeper = bundles_wait_for_blocks(&world, &config).await;
    world.raw("evm_setAutomine", json!([true])).await;
    world.mine(1).await;
    all_settled_once(&world, &keeper, &purchases).await;
    let bundles = keeper.count("SELECT count(*) FROM bundles");
    let highest = keeper.count("SELECT max(nonce) FROM bundles");
    assert_eq!(bundles, highest + 1, "each nonce has one bundle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_with_several_bundles_under_way_loses_and_repeats_nothing() {
    let world = World::start().await;
    let (config, purchases) = start(&world).await;
    let mut keeper = bundles_wait_for_blocks(&world, &config).await;
    keeper.kill9();
    // The node loses some of them meanwhile.
    world.raw("anvil_dropAllTransactions", json!([])).await;
    keeper.restart();
    world.raw("evm_setAutomine", json!([true])).await;
    all_settled_once(&world, &keeper, &purchases).await;
    let bundles = keeper.count("SELECT count(*) FROM bundles");
    let highest = keeper.count("SELECT max(nonce) FROM bundles");
    assert_eq!(bundles, highest + 1, "a signed nonce keeps its bundle");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_bundles_that_leave_the_chain_are_made_good() {
    let world = World::start().await;
    let (mut config, purchases) = start(&world).await;
    config.chain.finality_blocks = 6;
    let keeper = world.keeper(&config);
    for purchase in &purchases {
        keeper.reaches(*purchase, Kind::Settled).await;
    }
    world.raw("anvil_reorg", json!([3, []])).await;
    until("everything is settled again", || async {
        for purchase in &purchases {
            if world.status(*purchase).await != 3 {
                return None;
            }
        }
        Some(())
    })
    .await;
    world.mine(8).await;
    all_settled_once(&world, &keeper, &purchases).await;
}

//! Many kills of one keeper, each at a drawn place and with a drawn fault of its node.
//!
//! `NEXUS_KILL_ROUNDS` sets the number of rounds, `NEXUS_KILL_SEED` repeats a schedule.

#![allow(clippy::print_stderr, reason = "a failure is found by the round that was on")]

mod common;

use alloy::primitives::U256;
use alloy::providers::Provider;
use common::World;
use common::faults::Fault;
use common::gate::{Gate, Place};
use common::keeper::KeeperProcess;
use domain::job::Kind;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Messages at which the keeper dies; the first three go to the signer, the rest to the node.
const MESSAGES: [&str; 7] = [
    "signReceipt",
    "signUserOperation",
    "signBundle",
    "eth_sendRawTransaction",
    "eth_getTransactionReceipt",
    "eth_estimateGas",
    "eth_getBlockReceipts",
];
const SIGNERS: usize = 3;

/// Methods that may answer wrongly while the keeper comes back.
const METHODS: [&str; 10] = [
    "eth_chainId",
    "eth_getCode",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getLogs",
    "eth_call",
    "eth_estimateGas",
    "eth_getTransactionCount",
    "eth_sendRawTransaction",
    "eth_getTransactionReceipt",
];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_however_often_the_keeper_dies() {
    let rounds = setting("NEXUS_KILL_ROUNDS", 25);
    let seed = setting("NEXUS_KILL_SEED", 7);
    eprintln!("{rounds} rounds, seed {seed}");
    let mut draw = SmallRng::seed_from_u64(seed);
    let world = World::start().await;
    let mut config = world.config();
    config.chain.rpc_timeout_ms = 1500;
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let mut bought = Vec::new();
    for round in 0..rounds {
        let (method, fault) = draw_fault(&mut draw);
        let message = draw.random_range(0..MESSAGES.len());
        let place = if draw.random() { Place::Request } else { Place::Answer };
        eprintln!(
            "round {round}: dies at {} ({place:?}), {method}: {}",
            MESSAGES[message],
            fault.title()
        );
        let gate = gate(&world, message);
        gate.close(MESSAGES[message], place);
        bought.push((world.buy(agent, "log once\nout result").await, true));
        bought.push((world.buy(agent, "log once\nexit 3").await, false));
        gate.reached().await;
        keeper.kill9();
        gate.open();
        world.node.faults.arm(method, fault);
        if draw.random() {
            world.mine(draw.random_range(1..200)).await;
        }
        keeper.restart();
    }
    for (purchase, ok) in &bought {
        assert_settled_once(&world, &keeper, *purchase, *ok).await;
    }
    assert!(keeper.is_running());
    assert_money_adds_up(&world).await;
    assert!(common::containers::of(world.account).await.is_empty(), "no container is left");
}

fn draw_fault(draw: &mut SmallRng) -> (&'static str, Fault) {
    let method = METHODS.choose(draw).expect("a method");
    let fits: Vec<_> = Fault::ALL.iter().filter(|fault| fault.fits(method)).collect();
    (method, **fits.choose(draw).expect("a fault"))
}

fn gate(world: &World, message: usize) -> Gate {
    if message < SIGNERS { world.signers.gate.clone() } else { world.node.gate.clone() }
}

async fn assert_settled_once(world: &World, keeper: &KeeperProcess, purchase: u64, ok: bool) {
    let state = keeper.reaches(purchase, Kind::Final).await;
    let settlements = world.settlements(purchase).await;
    assert_eq!(settlements.len(), 1, "purchase {purchase} is settled once");
    assert_eq!(settlements[0].ok, ok, "purchase {purchase}");
    assert_eq!(settlements[0].keeper, world.account);
    let prepared = state.prepared().expect("the work is kept");
    assert_eq!(settlements[0].receiptHash, prepared.intent.receipt_hash);
}

/// The registry holds just what people may withdraw: nothing is left in escrow.
async fn assert_money_adds_up(world: &World) {
    let mut credits = U256::ZERO;
    for who in [world.buyer, world.publisher, world.owner, world.account] {
        credits += world.credit(who).await;
    }
    let held = world.provider.get_balance(world.deployment.registry).await.expect("a balance");
    assert_eq!(credits, held);
}

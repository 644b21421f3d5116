//! Random sequences of real transactions: after each, what is owed is what is held, and it
//! is the sum of open escrows and balances.

use crate::support::*;
use alloy::contract::{CallBuilder, CallDecoder};
use alloy::primitives::{B256, Bytes, U256, aliases::U96};
use alloy::providers::Provider;
use bindings::AgentRegistry::Outcome;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const PEOPLE: [usize; 4] = [PUBLISHER, BUYER, KEEPER, STRANGER];

#[derive(Clone, Debug)]
enum Step {
    Buy { who: usize, agent: u64, value: u128 },
    Settle { who: usize, purchase: u64, ok: bool, named: bool, charge: u128 },
    Refund { purchase: u64 },
    Withdraw { who: usize },
    Fees { keeper: u16, protocol: u16 },
    Relist { price: u128 },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let who = prop::sample::select(PEOPLE.to_vec());
    let settler = prop_oneof![5 => Just(KEEPER), 1 => who.clone()];
    let purchase = 1..10u64;
    let value = prop_oneof![4 => Just(PRICE), 1 => Just(1u128)];
    let charge = prop_oneof![Just(PRICE), Just(0), 0..2 * PRICE];
    prop_oneof![
        4 => (who.clone(), 1..3u64, value)
            .prop_map(|(who, agent, value)| Step::Buy { who, agent, value }),
        5 => (settler, purchase.clone(), any::<bool>(), prop::bool::weighted(0.9), charge).prop_map(
            |(who, purchase, ok, named, charge)| Step::Settle { who, purchase, ok, named, charge }),
        2 => purchase.prop_map(|purchase| Step::Refund { purchase }),
        2 => who.prop_map(|who| Step::Withdraw { who }),
        1 => (0..1_100u16, 0..1_100u16)
            .prop_map(|(keeper, protocol)| Step::Fees { keeper, protocol }),
        1 => prop_oneof![Just(PRICE), Just(1)].prop_map(|price| Step::Relist { price }),
        1 => Just(Step::Wait),
    ]
}

/// Sends if the node's dry run allows it; tells whether it did.
async fn attempt<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> bool {
    match call.send().await {
        Ok(pending) => pending.get_receipt().await.expect("included").status(),
        Err(_) => false,
    }
}

async fn apply(world: &World, step: Step) -> bool {
    match step {
        Step::Buy { who, agent, value } => {
            let registry = world.registry(who);
            let version = registry.agentOf(U256::from(agent)).call().await.map_or(1, |a| a.version);
            let call = registry
                .purchase(U256::from(agent), version, B256::repeat_byte(3), Bytes::new())
                .value(U256::from(value));
            attempt(call).await
        }
        Step::Settle { who, purchase, ok, named, charge } => {
            let hash = if named { B256::repeat_byte(1) } else { B256::ZERO };
            let outcome = Outcome {
                orderHash: B256::ZERO,
                ok,
                charge: U96::from(charge),
                resultHash: hash,
                receiptHash: hash,
            };
            let settled = attempt(world.settle(who, purchase, outcome).await).await;
            assert!(named || !ok || !settled, "a success of which nothing is kept");
            settled
        }
        Step::Refund { purchase } => attempt(world.registry(STRANGER).refund(purchase)).await,
        Step::Withdraw { who } => {
            attempt(world.registry(who).withdraw(alloy::primitives::Address::repeat_byte(7))).await
        }
        Step::Fees { keeper, protocol } => {
            attempt(world.registry(OWNER).setFees(keeper, protocol)).await
        }
        Step::Relist { price } => {
            let mut listing = world.listing();
            listing.price = U96::from(price);
            attempt(world.registry(PUBLISHER).relist(U256::ONE, listing, manifest())).await
        }
        Step::Wait => {
            world.wait(WINDOW).await;
            true
        }
    }
}

async fn check(world: &World) {
    let owed = world.check_money().await;
    let registry = world.registry(STRANGER);
    let mut sum = U256::ZERO;
    for id in 1..=registry.purchaseCount().call().await.expect("view") {
        let purchase = registry.purchaseOf(id).call().await.expect("view");
        if purchase.status == 1 {
            sum += U256::from(purchase.escrow);
        }
    }
    for who in [OWNER, PUBLISHER, BUYER, KEEPER, STRANGER] {
        sum += registry.balanceOf(world.address(who)).call().await.expect("view");
    }
    assert_eq!(sum, owed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_is_what_is_held_whatever_happens() {
    let world = World::new().await;
    world.list().await;
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(step(), 90).new_tree(&mut runner).expect("steps").current();
    let mut worked = 0;
    for step in steps {
        if apply(&world, step).await {
            worked += 1;
            check(&world).await;
        }
    }
    assert!(worked > 25, "only {worked} steps did something");
}

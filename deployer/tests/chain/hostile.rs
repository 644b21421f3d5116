//! EVM contracts that call the programs with bad intentions, or stand in the way.

use crate::solidity::{Puppet, Reenterer, create};
use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolError};
use bindings::AgentRegistry;

/// The contract at `puppet` buys a run, which then fails: the price is its balance.
async fn earn(world: &World, puppet: Address, agent: U256) {
    let purchase = AgentRegistry::purchaseCall {
        agentId: agent,
        version: 1,
        inputHash: B256::ZERO,
        input: Bytes::new(),
    };
    let price = U256::from(PRICE);
    let contract = Puppet::new(puppet, world.provider(BUYER));
    let data = Bytes::from(purchase.abi_encode());
    let call = contract.exec(world.deployment.registry, price, data).value(price);
    done(call).await;
    let id = world.registry(STRANGER).purchaseCount().call().await.expect("view");
    let bought = world.registry(STRANGER).purchaseOf(id).call().await.expect("view");
    assert_eq!(bought.buyer, puppet, "the program sees who calls it");
    done(world.settle(KEEPER, id, failure()).await).await;
}

fn withdraw(to: Address) -> Bytes {
    AgentRegistry::withdrawCall { to }.abi_encode().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cannot_be_entered_again() {
    let world = World::new().await;
    let agent = world.list().await;
    let thief = create(&world, BUYER, "Reenterer").await;
    earn(&world, thief, agent).await;
    // Somebody else's money, which the thief is after.
    world.buy(agent).await;

    let registry = world.deployment.registry;
    let reenterer = Reenterer::new(thief, world.provider(BUYER));
    done(reenterer.prepare(withdraw(thief), U256::ZERO, false)).await;
    let puppet = Puppet::new(thief, world.provider(BUYER));
    done(puppet.exec(registry, U256::ZERO, withdraw(thief))).await;

    assert_eq!(reenterer.attempts().call().await.expect("view"), U256::ONE);
    assert!(!reenterer.worked().call().await.expect("view"));
    let answer = reenterer.answer().call().await.expect("view");
    assert_eq!(answer, AgentRegistry::ReentrantCall {}.abi_encode());
    assert_eq!(world.wei(thief).await, U256::from(PRICE), "once, not twice");
    assert_eq!(world.check_money().await, U256::from(PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn buying_while_being_paid_is_fine_and_counted() {
    let world = World::new().await;
    let agent = world.list().await;
    let buyer = create(&world, BUYER, "Reenterer").await;
    earn(&world, buyer, agent).await;
    let purchase = AgentRegistry::purchaseCall {
        agentId: agent,
        version: 1,
        inputHash: B256::ZERO,
        input: Bytes::new(),
    };
    let reenterer = Reenterer::new(buyer, world.provider(BUYER));
    let data = Bytes::from(purchase.abi_encode());
    done(reenterer.prepare(data, U256::from(PRICE), true)).await;
    let puppet = Puppet::new(buyer, world.provider(BUYER));
    done(puppet.exec(world.deployment.registry, U256::ZERO, withdraw(buyer))).await;
    assert!(reenterer.worked().call().await.expect("view"));
    assert_eq!(world.registry(STRANGER).purchaseCount().call().await.expect("view"), 2);
    assert_eq!(world.check_money().await, U256::from(PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_money_keeps_his_balance_and_stops_nobody() {
    let world = World::new().await;
    let rejecter = create(&world, BUYER, "Rejecter").await;
    let mut listing = world.listing();
    listing.payee = rejecter;
    done(world.registry(PUBLISHER).list(listing, manifest())).await;
    let agent = U256::ONE;
    earn(&world, rejecter, agent).await;
    let purchase = world.buy(agent).await;
    done(world.settle(KEEPER, purchase, success(PRICE)).await).await;

    let registry = world.deployment.registry;
    let puppet = Puppet::new(rejecter, world.provider(BUYER));
    let error = puppet.exec(registry, U256::ZERO, withdraw(rejecter)).send().await;
    let refusal = error.expect_err("it refuses its own money").as_revert_data();
    let expected = AgentRegistry::TransferFailed { to: rejecter }.abi_encode();
    assert_eq!(refusal, Some(expected.into()));

    // Its money is still there, and it can have it sent elsewhere.
    let elsewhere = Address::repeat_byte(0x99);
    done(puppet.exec(registry, U256::ZERO, withdraw(elsewhere))).await;
    assert_eq!(world.wei(elsewhere).await, U256::from(PRICE + PRICE * 94 / 100));
    world.check_money().await;
}

//! What the calls cost, uncached. Bounds, so that a change that makes them dearer shows;
//! the figures are printed (`--nocapture`) and kept in the book.

#![cfg(test)]

use crate::operations::{Wallet, execute};
use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use bindings::{AccountFactory, AgentRegistry};

/// Notes what a step cost, and that it is within its bound.
fn within(name: &str, gas: u64, bound: u64) {
    println!("{name:<40} {gas:>9} gas");
    assert!(gas <= bound, "{name} costs {gas} gas, above {bound}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_stay_within_their_bounds() {
    let world = World::new().await;
    let publisher = world.registry(PUBLISHER);
    let listed = done(publisher.list(world.listing(), manifest())).await;
    within("list", listed.gas_used, 300_000);
    let buyer = world.registry(BUYER);
    let buy = |input: Bytes| {
        let hash = alloy::primitives::keccak256(&input);
        buyer.purchase(U256::ONE, 1, hash, input).value(U256::from(PRICE))
    };
    let by_hash = buyer.purchase(U256::ONE, 1, B256::repeat_byte(1), Bytes::new());
    let bought = done(by_hash.value(U256::from(PRICE))).await;
    within("purchase by hash", bought.gas_used, 220_000);
    let bought = done(buy(vec![7; 1_024].into())).await;
    within("purchase with 1 KiB", bought.gas_used, 280_000);
    let bought = done(buy(vec![7; 16_384].into())).await;
    within("purchase with 16 KiB", bought.gas_used, 1_100_000);

    let settled = done(world.settle(KEEPER, 1, success(PRICE)).await).await;
    within("settle by an EOA, first balances", settled.gas_used, 220_000);
    let settled = done(world.settle(KEEPER, 2, success(PRICE)).await).await;
    within("settle by an EOA, known balances", settled.gas_used, 170_000);
    let withdrawn = done(publisher.withdraw(Address::repeat_byte(3))).await;
    within("withdraw to a new address", withdrawn.gas_used, 130_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_stay_within_their_bounds() {
    let world = World::new().await;
    let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
    let implementation = world.deployment.account_implementation;
    let created =
        done(factory.createAccount(implementation, world.address(KEEPER), B256::ZERO)).await;
    within("createAccount", created.gas_used, 233_000);

    let wallet = Wallet::created(&world).await;
    let (_, first) = wallet.run(0, execute(Address::repeat_byte(4), 1, vec![])).await;
    within("first operation, ETH to a new address", first.gas_used, 320_000);
    let (_, second) = wallet.run(0, execute(Address::repeat_byte(4), 1, vec![])).await;
    within("later operation, ETH transfer", second.gas_used, 200_000);

    done(world.registry(OWNER).addKeeper(wallet.address)).await;
    let agent = world.list().await;
    for purchase in [world.buy(agent).await, world.buy(agent).await] {
        let outcome = world.report(purchase, success(PRICE)).await;
        let settle = AgentRegistry::settleCall { purchaseId: purchase, outcome }.abi_encode();
        let call = execute(world.deployment.registry, 0, settle);
        let (success, receipt) = wallet.run(purchase, call).await;
        assert!(success);
        within("settle by an operation", receipt.gas_used, 400_000);
    }
}

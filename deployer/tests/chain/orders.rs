//! A settlement speaks of one order: it never lands on another that has the same id.

use crate::operations::{Wallet, execute};
use crate::support::*;
use alloy::primitives::{B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::sol_types::{SolCall, SolError};
use bindings::AgentRegistry::{self, AgentRegistryErrors as Refusal, Outcome};
use bindings::IEntryPoint;

fn wrong_order(expected: B256) -> Refusal {
    Refusal::WrongOrder(AgentRegistry::WrongOrder { expected })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_another_order_is_refused() {
    let world = World::new().await;
    let agent = world.list().await;
    let mine = world.buy(agent).await;
    let theirs = world.buy_as(STRANGER, agent).await;
    let registry = world.registry(KEEPER);
    let report = world.report(mine, success(PRICE)).await;
    let expected = world.report(theirs, success(PRICE)).await.orderHash;
    assert_ne!(report.orderHash, expected);

    assert_eq!(refused(registry.settle(theirs, report.clone())).await, wrong_order(expected));
    let unspecific = Outcome { orderHash: B256::ZERO, ..report.clone() };
    assert_eq!(refused(registry.settle(theirs, unspecific)).await, wrong_order(expected));
    // The order is looked at before the charge.
    let greedy = Outcome { charge: (PRICE + 1).try_into().expect("fits"), ..report.clone() };
    assert_eq!(refused(registry.settle(theirs, greedy)).await, wrong_order(expected));

    assert_eq!(registry.purchaseOf(theirs).call().await.expect("view").status, 1);
    done(registry.settle(mine, report)).await;
    assert_eq!(world.check_money().await, U256::from(2 * PRICE));
}

/// What the same buyer buys of the same version with the same input is the same order, and
/// everything else is another one.
#[tokio::test(flavor = "multi_thread")]
async fn every_term_is_part_of_the_order() {
    let world = World::new().await;
    let (agent, other_agent) = (world.list().await, world.list().await);
    let bought = world.buy(agent).await;
    let again = world.buy(agent).await;
    let elsewhere = world.buy(other_agent).await;
    let call = world.registry(BUYER);
    done(call.purchase(agent, 1, B256::ZERO, Bytes::new()).value(U256::from(PRICE))).await;
    done(world.registry(PUBLISHER).relist(agent, world.listing(), manifest())).await;
    let call = call.purchase(agent, 2, alloy::primitives::keccak256("some words"), Bytes::new());
    done(call.value(U256::from(PRICE))).await;

    let report = world.report(bought, success(PRICE)).await;
    let registry = world.registry(KEEPER);
    for other in elsewhere..elsewhere + 3 {
        let expected = world.report(other, failure()).await.orderHash;
        assert_eq!(refused(registry.settle(other, report.clone())).await, wrong_order(expected));
    }
    done(registry.settle(again, report)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reorganisation_a_signed_settlement_does_not_land_on_another_purchase() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    done(world.registry(OWNER).addKeeper(wallet.address)).await;
    let agent = world.list().await;
    let provider = world.provider(OWNER);
    let snapshot: U256 = provider.raw_request("evm_snapshot".into(), ()).await.expect("snapshot");

    let alices = world.buy(agent).await;
    let outcome = world.report(alices, success(PRICE)).await;
    let settle = AgentRegistry::settleCall { purchaseId: alices, outcome: outcome.clone() };
    let call = execute(world.deployment.registry, 0, settle.abi_encode());
    let operation = wallet.operation(alices, call).await;
    let signed = wallet.signed(operation, &wallet.key).await;

    let reverted: bool =
        provider.raw_request("evm_revert".into(), [snapshot]).await.expect("revert");
    assert!(reverted);
    let bobs = world.buy_as(STRANGER, agent).await;
    assert_eq!(bobs, alices, "the same id for another purchase");

    let (success, receipt) = wallet.bundle(signed).await;
    assert!(!success, "the operation is valid, but settles nothing");
    let reason = receipt.decoded_log::<IEntryPoint::UserOperationRevertReason>().expect("event");
    let expected = world.report(bobs, outcome.clone()).await.orderHash;
    assert_eq!(reason.revertReason, AgentRegistry::WrongOrder { expected }.abi_encode());
    assert_eq!(refused(world.registry(KEEPER).settle(bobs, outcome)).await, wrong_order(expected));

    let registry = world.registry(STRANGER);
    let bought = registry.purchaseOf(bobs).call().await.expect("view");
    assert_eq!((bought.status, bought.buyer), (1, world.address(STRANGER)));
    assert_eq!(world.check_money().await, U256::from(PRICE));
}

//! Ownership, keepers, fees, the pause, and initialisation.

use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256};
use bindings::AgentRegistry::{self, AgentRegistryErrors as Refusal};

fn not_owner(caller: Address) -> Refusal {
    Refusal::NotOwner(AgentRegistry::NotOwner { caller })
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_rule_nothing() {
    let world = World::new().await;
    let registry = world.registry(STRANGER);
    let caller = world.address(STRANGER);
    let expected = not_owner(caller);
    assert_eq!(refused(registry.addKeeper(caller)).await, expected);
    assert_eq!(refused(registry.removeKeeper(world.address(KEEPER))).await, expected);
    assert_eq!(refused(registry.setFees(0, 0)).await, expected);
    assert_eq!(refused(registry.pause()).await, expected);
    assert_eq!(refused(registry.unpause()).await, expected);
    assert_eq!(refused(registry.transferOwnership(caller)).await, expected);
    let expected = Refusal::NotPendingOwner(AgentRegistry::NotPendingOwner { caller });
    assert_eq!(refused(registry.acceptOwnership()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ownership_changes_hands_in_two_steps() {
    let world = World::new().await;
    let (old, new) = (world.registry(OWNER), world.registry(STRANGER));
    let (from, to) = (world.address(OWNER), world.address(STRANGER));
    let receipt = done(old.transferOwnership(to)).await;
    let event = receipt.decoded_log::<AgentRegistry::OwnershipTransferStarted>().expect("event");
    assert_eq!((event.from, event.to), (from, to));
    assert_eq!(old.owner().call().await.expect("view"), from);
    assert_eq!(old.pendingOwner().call().await.expect("view"), to);

    // Zero withdraws the offer.
    done(old.transferOwnership(Address::ZERO)).await;
    let expected = Refusal::NotPendingOwner(AgentRegistry::NotPendingOwner { caller: to });
    assert_eq!(refused(new.acceptOwnership()).await, expected);

    done(old.transferOwnership(to)).await;
    let receipt = done(new.acceptOwnership()).await;
    let event = receipt.decoded_log::<AgentRegistry::OwnershipTransferred>().expect("event");
    assert_eq!((event.from, event.to), (from, to));
    assert_eq!(new.pendingOwner().call().await.expect("view"), Address::ZERO);
    assert_eq!(refused(new.acceptOwnership()).await, expected);
    assert_eq!(refused(old.pause()).await, not_owner(from));
    done(new.pause()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pause_stops_selling_and_nothing_else() {
    let world = World::new().await;
    let agent = world.list().await;
    let (settled, refunded) = (world.buy(agent).await, world.buy(agent).await);
    let receipt = done(world.registry(OWNER).pause()).await;
    assert!(receipt.decoded_log::<AgentRegistry::Paused>().expect("event").paused);

    let publisher = world.registry(PUBLISHER);
    let expected = Refusal::IsPaused(AgentRegistry::IsPaused {});
    assert_eq!(refused(publisher.list(world.listing(), manifest())).await, expected);
    assert_eq!(refused(publisher.relist(agent, world.listing(), manifest())).await, expected);
    let buyer = world.registry(BUYER);
    let call = buyer.purchase(agent, 1, B256::ZERO, Bytes::new()).value(U256::from(PRICE));
    assert_eq!(refused(call).await, expected);

    done(world.settle(KEEPER, settled, success(PRICE)).await).await;
    world.wait(10 * WINDOW).await;
    done(world.registry(STRANGER).refund(refunded)).await;
    done(publisher.withdraw(world.address(PUBLISHER))).await;
    done(buyer.withdraw(world.address(BUYER))).await;
    done(publisher.unlist(agent)).await;

    done(world.registry(OWNER).unpause()).await;
    done(publisher.relist(agent, world.listing(), manifest())).await;
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keepers_come_and_go() {
    let world = World::new().await;
    let owner = world.registry(OWNER);
    let (keeper, second) = (world.address(KEEPER), world.address(STRANGER));
    let again = done(owner.addKeeper(keeper)).await;
    assert!(again.decoded_log::<AgentRegistry::KeeperAdded>().is_none(), "it was one already");
    done(owner.addKeeper(second)).await;
    let expected = Refusal::ZeroAddress(AgentRegistry::ZeroAddress {});
    assert_eq!(refused(owner.addKeeper(Address::ZERO)).await, expected);

    let agent = world.list().await;
    let (first_purchase, second_purchase) = (world.buy(agent).await, world.buy(agent).await);
    done(world.settle(KEEPER, first_purchase, success(PRICE)).await).await;
    let receipt = done(owner.removeKeeper(keeper)).await;
    assert!(receipt.decoded_log::<AgentRegistry::KeeperRemoved>().is_some());
    assert!(!owner.isKeeper(keeper).call().await.expect("view"));
    let expected = Refusal::NotKeeper(AgentRegistry::NotKeeper { caller: keeper });
    let refusal = refused(world.settle(KEEPER, second_purchase, success(PRICE)).await).await;
    assert_eq!(refusal, expected);

    // Who settled stays known, and a keeper that returns is the same one.
    done(owner.addKeeper(keeper)).await;
    done(world.settle(STRANGER, second_purchase, success(PRICE)).await).await;
    for (purchase, settler) in [(first_purchase, keeper), (second_purchase, second)] {
        assert_eq!(owner.purchaseOf(purchase).call().await.expect("view").keeper, settler);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_have_a_ceiling() {
    let world = World::new().await;
    let owner = world.registry(OWNER);
    for (keeper, protocol) in [(2_001, 0), (0, 2_001), (1_000, 1_001), (u16::MAX, u16::MAX)] {
        let bps = U256::from(u32::from(keeper) + u32::from(protocol));
        let expected = Refusal::FeesTooHigh(AgentRegistry::FeesTooHigh { bps });
        assert_eq!(refused(owner.setFees(keeper, protocol)).await, expected);
    }
    done(owner.setFees(1_999, 1)).await;
    let fees = owner.fees().call().await.expect("view");
    assert_eq!((fees._0, fees._1), (1_999, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn initialisation_happens_once() {
    let world = World::new().await;
    let stranger = world.address(STRANGER);
    let again = refused(world.registry(STRANGER).initialize(stranger, 0, 0)).await;
    assert_eq!(again, Refusal::AlreadyInitialized(AgentRegistry::AlreadyInitialized {}));
    assert_ne!(world.registry(STRANGER).owner().call().await.expect("view"), stranger);
}

//! From listing to withdrawal, along every path that ends well.

use crate::support::*;
use alloy::primitives::{B256, Bytes, U256, aliases::U96, keccak256};
use bindings::AgentRegistry;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_listed_changed_and_withdrawn() {
    let world = World::new().await;
    let registry = world.registry(PUBLISHER);
    let receipt = done(registry.list(world.listing(), manifest())).await;
    let listed = receipt.decoded_log::<AgentRegistry::Listed>().expect("event");
    assert_eq!((listed.agentId, listed.version), (U256::ONE, 1));
    assert_eq!(listed.publisher, world.address(PUBLISHER));
    assert_eq!((&listed.listing, &listed.manifest), (&world.listing(), &manifest()));

    let agent = registry.agentOf(U256::ONE).call().await.expect("view");
    assert_eq!((agent.version, agent.listed), (1, true));
    assert_eq!(agent.listing, world.listing());
    assert_eq!(agent.manifestHash, keccak256(manifest()));

    let mut dearer = world.listing();
    dearer.price = U96::from(2 * PRICE);
    dearer.maxSeconds = 86_400;
    done(registry.unlist(U256::ONE)).await;
    assert!(!registry.agentOf(U256::ONE).call().await.expect("view").listed);
    done(registry.relist(U256::ONE, dearer.clone(), Bytes::from_static(b"2"))).await;
    let agent = registry.agentOf(U256::ONE).call().await.expect("view");
    assert_eq!((agent.version, agent.listed, agent.listing), (2, true, dearer));

    let first = registry.listingOf(U256::ONE, 1).call().await.expect("view");
    assert_eq!((first._0, first._1), (world.listing(), keccak256(manifest())));
    assert_eq!(registry.agentCount().call().await.expect("view"), U256::ONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_bought_settled_and_everybody_takes_his_share() {
    let world = World::new().await;
    let agent = world.list().await;
    let input = Bytes::from(vec![7; 16_384]);
    let hash = keccak256(&input);
    let registry = world.registry(BUYER);
    let call = registry.purchase(agent, 1, hash, input.clone()).value(U256::from(PRICE));
    let receipt = done(call).await;
    let bought = receipt.decoded_log::<AgentRegistry::Purchased>().expect("event");
    assert_eq!((bought.purchaseId, bought.agentId, bought.version), (1, agent, 1));
    assert_eq!((bought.inputHash, &bought.input), (hash, &input));
    assert_eq!(bought.deadline, world.now().await + u64::from(MAX_SECONDS) + WINDOW);
    assert_eq!(world.check_money().await, U256::from(PRICE));

    // Fees of later purchases are no matter of this one.
    done(world.registry(OWNER).setFees(0, 2_000)).await;
    let charge = PRICE * 3 / 4;
    let receipt = done(world.settle(KEEPER, 1, success(charge)).await).await;
    let settled = receipt.decoded_log::<AgentRegistry::Settled>().expect("event");
    let (keeper_fee, protocol_fee) = (charge / 20, charge / 100);
    assert_eq!(settled.keeper, world.address(KEEPER));
    assert_eq!(settled.keeperFee, U96::from(keeper_fee));
    assert_eq!(settled.protocolFee, U96::from(protocol_fee));

    let shares = [
        (PUBLISHER, charge - keeper_fee - protocol_fee),
        (KEEPER, keeper_fee),
        (OWNER, protocol_fee),
        (BUYER, PRICE - charge),
    ];
    for (who, share) in shares {
        withdraw_all(&world, who, share).await;
    }
    assert_eq!(world.check_money().await, U256::ZERO);

    let purchase = registry.purchaseOf(1).call().await.expect("view");
    assert_eq!((purchase.status, purchase.escrow), (2, U96::from(PRICE)));
    assert_eq!((purchase.keeperBps, purchase.protocolBps), (KEEPER_BPS, PROTOCOL_BPS));
    assert_eq!((purchase.buyer, purchase.keeper), (world.address(BUYER), world.address(KEEPER)));
    assert_eq!((purchase.inputHash, purchase.receiptHash), (hash, B256::repeat_byte(2)));
}

/// `who` sends his whole balance to an address without history.
async fn withdraw_all(world: &World, who: usize, share: u128) {
    let to = alloy::primitives::Address::repeat_byte(0x50 + who as u8);
    let registry = world.registry(who);
    let balance = registry.balanceOf(world.address(who)).call().await.expect("view");
    assert_eq!(balance, U256::from(share));
    let receipt = done(registry.withdraw(to)).await;
    let event = receipt.decoded_log::<AgentRegistry::Withdrawn>().expect("event");
    assert_eq!((event.account, event.to), (world.address(who), to));
    assert_eq!((event.amount, world.wei(to).await), (balance, balance));
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_can_be_named_by_its_hash_alone() {
    let world = World::new().await;
    let agent = world.list().await;
    let hash = B256::repeat_byte(0x77);
    let registry = world.registry(BUYER);
    let call = registry.purchase(agent, 1, hash, Bytes::new()).value(U256::from(PRICE));
    let receipt = done(call).await;
    let bought = receipt.decoded_log::<AgentRegistry::Purchased>().expect("event");
    assert!(bought.input.is_empty());
    assert_eq!(registry.purchaseOf(1).call().await.expect("view").inputHash, hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_costs_the_buyer_nothing() {
    let world = World::new().await;
    let purchase = {
        let agent = world.list().await;
        world.buy(agent).await
    };
    done(world.settle(KEEPER, purchase, failure()).await).await;
    let registry = world.registry(BUYER);
    let balance = registry.balanceOf(world.address(BUYER)).call().await.expect("view");
    assert_eq!(balance, U256::from(PRICE));
    assert_eq!(registry.purchaseOf(purchase).call().await.expect("view").status, 3);
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_deadline_anyone_refunds_the_buyer() {
    let world = World::new().await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    let registry = world.registry(STRANGER);
    let deadline = registry.purchaseOf(purchase).call().await.expect("view").deadline;
    let early = refused(registry.refund(purchase)).await;
    let expected = AgentRegistry::DeadlineNotPassed { deadline };
    assert_eq!(early, AgentRegistry::AgentRegistryErrors::DeadlineNotPassed(expected));

    world.wait(u64::from(MAX_SECONDS) + WINDOW + 1).await;
    let receipt = done(registry.refund(purchase)).await;
    let event = receipt.decoded_log::<AgentRegistry::Refunded>().expect("event");
    assert_eq!((event.buyer, event.amount), (world.address(BUYER), U96::from(PRICE)));
    assert_eq!(registry.purchaseOf(purchase).call().await.expect("view").status, 4);
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_settlement_counts_until_somebody_refunds() {
    let world = World::new().await;
    let agent = world.list().await;
    let (late, lost) = (world.buy(agent).await, world.buy(agent).await);
    world.wait(10 * WINDOW).await;
    done(world.settle(KEEPER, late, success(PRICE)).await).await;
    done(world.registry(STRANGER).refund(lost)).await;
    let refusal = refused(world.settle(KEEPER, lost, success(PRICE)).await).await;
    let expected = AgentRegistry::PurchaseNotOpen { purchaseId: lost, status: 4 };
    assert_eq!(refusal, AgentRegistry::AgentRegistryErrors::PurchaseNotOpen(expected));
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_change_cannot_hit_an_open_purchase() {
    let world = World::new().await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    let mut changed = world.listing();
    changed.payee = world.address(STRANGER);
    changed.price = U96::from(1);
    done(world.registry(PUBLISHER).relist(agent, changed, manifest())).await;
    done(world.settle(KEEPER, purchase, success(PRICE)).await).await;
    let registry = world.registry(STRANGER);
    let paid = registry.balanceOf(world.address(PUBLISHER)).call().await.expect("view");
    assert_eq!(paid, U256::from(PRICE * 94 / 100), "the payee of the version that was bought");
    assert_eq!(registry.balanceOf(world.address(STRANGER)).call().await.expect("view"), U256::ZERO);
}

//! Every typed error of the registry, each provoked on the chain.

use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256};
use bindings::AgentRegistry::{self, AgentRegistryErrors as Refusal, Listing, Outcome};

#[tokio::test(flavor = "multi_thread")]
async fn listings_that_make_no_sense() {
    let world = World::new().await;
    let registry = world.registry(PUBLISHER);
    let good = world.listing();
    let no_payee = Listing { payee: Address::ZERO, ..good.clone() };
    let no_image = Listing { imageDigest: B256::ZERO, ..good.clone() };
    let no_time = Listing { maxSeconds: 0, ..good.clone() };
    let too_long = Listing { maxSeconds: 86_401, ..good.clone() };
    let cases = [
        (no_payee, manifest(), Refusal::ZeroAddress(AgentRegistry::ZeroAddress {})),
        (no_image, manifest(), Refusal::InvalidImageDigest(AgentRegistry::InvalidImageDigest {})),
        (no_time, manifest(), max_seconds(0)),
        (too_long, manifest(), max_seconds(86_401)),
        (good.clone(), Bytes::new(), manifest_length(0)),
        (good.clone(), vec![b'x'; 8_193].into(), manifest_length(8_193)),
    ];
    for (listing, manifest, expected) in cases {
        assert_eq!(refused(registry.list(listing, manifest)).await, expected);
    }
    done(registry.list(good, vec![b'x'; 8_192].into())).await;
    assert_eq!(registry.agentCount().call().await.expect("view"), U256::ONE);
}

fn max_seconds(seconds: u32) -> Refusal {
    Refusal::InvalidMaxSeconds(AgentRegistry::InvalidMaxSeconds { maxSeconds: seconds })
}

fn manifest_length(length: u64) -> Refusal {
    let length = U256::from(length);
    Refusal::InvalidManifestLength(AgentRegistry::InvalidManifestLength { length })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_publisher_changes_his_agent() {
    let world = World::new().await;
    let agent = world.list().await;
    let stranger = world.registry(STRANGER);
    let caller = world.address(STRANGER);
    let expected = Refusal::NotPublisher(AgentRegistry::NotPublisher { caller });
    assert_eq!(refused(stranger.unlist(agent)).await, expected);
    assert_eq!(refused(stranger.relist(agent, world.listing(), manifest())).await, expected);

    let publisher = world.registry(PUBLISHER);
    for unknown in [U256::ZERO, U256::from(2), U256::MAX, agent + (U256::ONE << 64)] {
        let expected = Refusal::UnknownAgent(AgentRegistry::UnknownAgent { agentId: unknown });
        assert_eq!(refused(publisher.unlist(unknown)).await, expected);
        let answer = publisher.agentOf(unknown).call().await.expect_err("unknown");
        assert_eq!(answer.as_decoded_interface_error::<Refusal>(), Some(expected));
    }
    let answer = publisher.listingOf(agent, 2).call().await.expect_err("unknown");
    let expected = AgentRegistry::UnknownVersion { agentId: agent, version: 2 };
    let expected = Some(Refusal::UnknownVersion(expected));
    assert_eq!(answer.as_decoded_interface_error::<Refusal>(), expected);
    done(publisher.unlist(agent)).await;
    let expected = Refusal::AgentUnlisted(AgentRegistry::AgentUnlisted { agentId: agent });
    assert_eq!(refused(publisher.unlist(agent)).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_that_are_not_as_agreed() {
    let world = World::new().await;
    let agent = world.list().await;
    let registry = world.registry(BUYER);
    let price = U256::from(PRICE);
    let buy = |agent, version, value| {
        registry.purchase(agent, version, B256::ZERO, Bytes::new()).value(value)
    };
    for sent in [U256::ZERO, price - U256::ONE, price + U256::ONE] {
        let expected = Refusal::WrongPayment(AgentRegistry::WrongPayment { sent, price });
        assert_eq!(refused(buy(agent, 1, sent)).await, expected);
    }
    for version in [0, 2] {
        let expected = Refusal::StaleVersion(AgentRegistry::StaleVersion { current: 1 });
        assert_eq!(refused(buy(agent, version, price)).await, expected);
    }
    let unknown = U256::from(9);
    let expected = Refusal::UnknownAgent(AgentRegistry::UnknownAgent { agentId: unknown });
    assert_eq!(refused(buy(unknown, 1, price)).await, expected);

    let input = Bytes::from_static(b"input");
    let call = registry.purchase(agent, 1, B256::ZERO, input.clone()).value(price);
    let actual = keccak256(&input);
    let expected = Refusal::InputHashMismatch(AgentRegistry::InputHashMismatch { actual });
    assert_eq!(refused(call).await, expected);
    let long = Bytes::from(vec![0; 16_385]);
    let call = registry.purchase(agent, 1, keccak256(&long), long).value(price);
    let expected = AgentRegistry::InputTooLong { length: U256::from(16_385) };
    assert_eq!(refused(call).await, Refusal::InputTooLong(expected));

    done(world.registry(PUBLISHER).unlist(agent)).await;
    let expected = Refusal::AgentUnlisted(AgentRegistry::AgentUnlisted { agentId: agent });
    assert_eq!(refused(buy(agent, 1, price)).await, expected);
    assert_eq!(registry.purchaseCount().call().await.expect("view"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn settlements_that_take_too_much_or_come_twice() {
    let world = World::new().await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    let keeper = world.registry(KEEPER);

    let (charge, limit) = (U96::from(PRICE + 1), U96::from(PRICE));
    let expected = Refusal::ChargeTooHigh(AgentRegistry::ChargeTooHigh { charge, limit });
    assert_eq!(refused(world.settle(KEEPER, purchase, success(PRICE + 1)).await).await, expected);
    let mut charged_failure = failure();
    charged_failure.charge = U96::from(1);
    let expected = AgentRegistry::ChargeTooHigh { charge: U96::from(1), limit: U96::ZERO };
    let refusal = refused(world.settle(KEEPER, purchase, charged_failure).await).await;
    assert_eq!(refusal, Refusal::ChargeTooHigh(expected));

    for nobody in [BUYER, PUBLISHER, OWNER, STRANGER] {
        let caller = world.address(nobody);
        let expected = Refusal::NotKeeper(AgentRegistry::NotKeeper { caller });
        let call = world.settle(nobody, purchase, success(PRICE)).await;
        assert_eq!(refused(call).await, expected);
    }
    let expected = Refusal::UnknownPurchase(AgentRegistry::UnknownPurchase { purchaseId: 2 });
    assert_eq!(refused(world.settle(KEEPER, 2, success(0)).await).await, expected);
    assert_eq!(refused(keeper.refund(2)).await, expected);

    done(world.settle(KEEPER, purchase, success(PRICE)).await).await;
    world.wait(10 * WINDOW).await;
    let expected = AgentRegistry::PurchaseNotOpen { purchaseId: purchase, status: 2 };
    let expected = Refusal::PurchaseNotOpen(expected);
    assert_eq!(refused(world.settle(KEEPER, purchase, failure()).await).await, expected);
    assert_eq!(refused(keeper.refund(purchase)).await, expected);
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn successes_that_name_no_result_or_no_receipt() {
    let world = World::new().await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    let some = B256::repeat_byte(1);
    let hashes = [(B256::ZERO, some), (some, B256::ZERO), (B256::ZERO, B256::ZERO)];
    for (result, receipt) in hashes {
        for charge in [0, PRICE] {
            let report = Outcome { resultHash: result, receiptHash: receipt, ..success(charge) };
            let expected = AgentRegistry::MissingHash { resultHash: result, receiptHash: receipt };
            let refusal = refused(world.settle(KEEPER, purchase, report).await).await;
            assert_eq!(refusal, Refusal::MissingHash(expected));
        }
    }
    // What was refused before is refused first, and for the same reason.
    let nothing = Outcome { resultHash: B256::ZERO, receiptHash: B256::ZERO, ..success(PRICE + 1) };
    let (charge, limit) = (U96::from(PRICE + 1), U96::from(PRICE));
    let expected = Refusal::ChargeTooHigh(AgentRegistry::ChargeTooHigh { charge, limit });
    assert_eq!(refused(world.settle(KEEPER, purchase, nothing).await).await, expected);
    let bought = world.registry(BUYER).purchaseOf(purchase).call().await.expect("view");
    assert_eq!((bought.status, bought.receiptHash), (1, B256::ZERO), "it is still open");

    done(world.settle(KEEPER, purchase, success(PRICE)).await).await;
    // A failure has no result, and may have no receipt.
    for receipt in [B256::ZERO, some] {
        let failed = Outcome { resultHash: B256::ZERO, receiptHash: receipt, ..failure() };
        let purchase = world.buy(agent).await;
        let receipt = done(world.settle(KEEPER, purchase, failed.clone()).await).await;
        let settled = receipt.decoded_log::<AgentRegistry::Settled>().expect("event");
        let reported = (failed.resultHash, failed.receiptHash);
        assert_eq!((settled.resultHash, settled.receiptHash), reported);
    }
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawals_of_nothing_or_to_nobody() {
    let world = World::new().await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    done(world.settle(KEEPER, purchase, success(PRICE)).await).await;
    let account = world.address(BUYER);
    let buyer = world.registry(BUYER);
    let expected = Refusal::NothingToWithdraw(AgentRegistry::NothingToWithdraw { account });
    assert_eq!(refused(buyer.withdraw(account)).await, expected);
    let publisher = world.registry(PUBLISHER);
    let expected = Refusal::ZeroAddress(AgentRegistry::ZeroAddress {});
    assert_eq!(refused(publisher.withdraw(Address::ZERO)).await, expected);
    let to = world.deployment.registry;
    let expected = Refusal::TransferFailed(AgentRegistry::TransferFailed { to });
    assert_eq!(refused(publisher.withdraw(to)).await, expected);
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn value_and_calls_that_nobody_expects_are_refused() {
    use alloy::network::TransactionBuilder;
    use alloy::providers::Provider;
    use alloy::rpc::types::TransactionRequest;
    let world = World::new().await;
    let purchase = world.list().await;
    let keeper = world.registry(KEEPER);
    let paid = keeper.refund(purchase.to()).value(U256::ONE).send().await;
    assert!(paid.is_err(), "a function that is not payable took value");
    let provider = world.provider(BUYER);
    for input in [vec![], vec![1, 2, 3], vec![0xde, 0xad, 0xbe, 0xef]] {
        let request = TransactionRequest::default()
            .with_to(world.deployment.registry)
            .with_input(input.clone())
            .with_value(U256::from(input.is_empty()));
        assert!(provider.send_transaction(request).await.is_err(), "took {input:?}");
    }
    world.check_money().await;
}

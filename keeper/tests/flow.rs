//! Purchases from beginning to end, with real everything.

mod common;

use alloy::primitives::aliases::U96;
use alloy::primitives::{Bytes, U256, keccak256};
use common::World;
use common::world::{FEES, PRICE};
use domain::job::Kind;
use domain::receipt::{Outcome, SignedReceipt};

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_run_settled_paid_and_vouched_for() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "log thinking\nout the result").await;
    let state = world.assert_settled_once(&keeper, purchase).await;

    let prepared = state.prepared().unwrap();
    let run = &prepared.finished.run;
    assert_eq!((run.outcome, run.exit_code, run.attempt), (Outcome::Ok, 0, 1));
    assert_eq!(keeper.blob(run.result_hash).unwrap(), b"the result\n");
    assert_eq!(keeper.blob(run.log_hash).unwrap(), b"thinking\n");
    assert_eq!(keeper.log(purchase), ["thinking"]);

    let receipt = SignedReceipt {
        chain_id: world.deployment.chain_id,
        registry: world.deployment.registry,
        receipt: prepared.intent.receipt.clone(),
        signature: prepared.intent.receipt_signature.clone(),
    };
    assert_eq!(receipt.signer().unwrap(), world.keys.owner);
    let on_chain = world.registry().purchaseOf(purchase).call().await.unwrap();
    assert_eq!(on_chain.receiptHash, receipt.digest());

    let share = |bps: u16| U256::from(PRICE) * U256::from(bps) / U256::from(10_000);
    let rest = U256::from(PRICE) - share(FEES.0) - share(FEES.1);
    assert_eq!(world.credit(world.publisher).await, rest);
    assert_eq!(world.credit(world.account).await, share(FEES.0));
    let path = keeper.history(purchase);
    assert_eq!(
        path,
        [
            "seen",
            "confirmed",
            "ready",
            "running",
            "produced",
            "intended",
            "signed",
            "sent",
            "settled",
            "final"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_purchases_at_once_are_settled_in_few_bundles() {
    let world = World::start().await;
    let agent = world.list().await;
    let mut purchases = Vec::new();
    for number in 0..6 {
        purchases.push(world.buy(agent, &format!("out {number}")).await);
    }
    let keeper = world.keeper(&world.config());
    for (number, purchase) in purchases.iter().enumerate() {
        let state = world.assert_settled_once(&keeper, *purchase).await;
        let result = keeper.blob(state.run().unwrap().result_hash).unwrap();
        assert_eq!(result, format!("{number}\n").as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_agent_input_and_listing_refund_the_buyer() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let script = world.list().await;
    let image = common::agent::load().await;
    let hasty = world.list_as(&common::agent::manifest(1), image).await;
    let absent = world.list_as(&common::agent::manifest(5), keccak256("no such image")).await;
    let broken = world.list_bytes(Bytes::from_static(b"{\"not\":\"a manifest\"}"), image).await;

    let cases = [
        (world.buy(script, "out half\nexit 3").await, Outcome::NonZeroExit, 3),
        (
            world.buy(script, &format!("out {}", "x".repeat(15_000))).await,
            Outcome::OutputOverCap,
            -2,
        ),
        (world.buy(hasty, "out early\nsleep 20000").await, Outcome::Timeout, -2),
        (world.buy(absent, "out x").await, Outcome::ImageMissing, -1),
        (world.buy(broken, "out x").await, Outcome::Killed, -1),
        (
            world.buy_with(script, keccak256([0xff]), Bytes::from_static(&[0xff])).await,
            Outcome::InputInvalid,
            -1,
        ),
    ];
    let before = world.credit(world.buyer).await;
    assert_eq!(before, world.credit(world.buyer).await);
    for (purchase, outcome, exit_code) in cases {
        let state = keeper.reaches(purchase, Kind::Final).await;
        let run = state.run().unwrap();
        assert_eq!(run.outcome, outcome, "{}", run.detail);
        if exit_code != -2 {
            assert_eq!(run.exit_code, exit_code);
        }
        assert_eq!(run.result_hash, keccak256([]), "a failed run has no result");
        assert_eq!(world.status(purchase).await, 3);
        let settled = world.settlements(purchase).await;
        assert_eq!((settled.len(), settled[0].ok, settled[0].charge), (1, false, U96::ZERO));
    }
    let paid = U256::from(PRICE) * U256::from(cases.len());
    assert_eq!(world.credit(world.buyer).await, paid);
    assert_eq!(world.credit(world.publisher).await, U256::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_too_long_ago_is_not_run() {
    let world = World::start().await;
    let agent = world.list().await;
    let purchase = world.buy(agent, "out late").await;
    world.raw("evm_increaseTime", serde_json::json!([7200])).await;
    world.mine(1).await;
    let keeper = world.keeper(&world.config());
    keeper.reaches(purchase, Kind::Expired).await;
    assert_eq!(keeper.history(purchase), ["seen", "expired"]);
    assert_eq!(world.status(purchase).await, 1, "left to be refunded");

    let refund = world.registry();
    let refund = refund.refund(purchase).from(world.buyer).send().await.unwrap();
    assert!(refund.get_receipt().await.unwrap().status());
    assert_eq!(world.credit(world.buyer).await, U256::from(PRICE));
    assert!(keeper.log(purchase).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_input_is_waited_for_and_taken_only_if_wanted() {
    let world = World::start().await;
    let mut config = world.config();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.api.listen = port;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let input = format!("log {}\nout done", "x".repeat(20_000));
    let hash = keccak256(&input);
    let put = |bytes: &str| {
        let url = format!("http://{port}/v1/inputs/{}", keccak256(bytes));
        reqwest::Client::new().put(url).body(bytes.to_owned()).send()
    };
    let purchase = world.buy_with(agent, hash, Bytes::new()).await;
    keeper.reaches(purchase, Kind::Confirmed).await;
    assert_eq!(put("nobody wants this").await.unwrap().status(), 404);
    assert!(put(&input).await.unwrap().status().is_success());
    let state = keeper.reaches(purchase, Kind::Final).await;
    // The log of 20,000 bytes is over the agent's 10,000: refunded, but it ran on that input.
    assert_eq!(state.run().unwrap().outcome, Outcome::LogOverCap);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_starts_late_reads_old_blocks_in_ranges_and_misses_nothing() {
    let world = World::start().await;
    let mut config = world.config();
    config.chain.max_reorg_depth = 8;
    let agent = world.list().await;
    let first = world.buy(agent, "out first").await;
    world.mine(100).await;
    let second = world.buy(agent, "out second").await;
    world.mine(100).await;
    let last = world.buy(agent, "out last").await;
    let mut keeper = world.keeper(&config);
    for purchase in [first, second, last] {
        world.assert_settled_once(&keeper, purchase).await;
    }
    assert!(keeper.count("SELECT count(*) FROM blocks") < 40, "old blocks are not kept");

    // The same after it was away for long.
    keeper.kill9();
    world.mine(100).await;
    let missed = world.buy(agent, "out missed").await;
    world.mine(100).await;
    keeper.restart();
    world.assert_settled_once(&keeper, missed).await;
}

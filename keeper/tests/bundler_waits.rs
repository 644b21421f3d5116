//! What settlements wait for outside of the keeper is said, heals by itself, and gives nothing away.

mod common;

use common::World;
use common::gate::Place;
use common::wait::until;
use domain::job::Kind;
use keeper::Config;
use serde_json::{Value, json};

/// A fee that no cap of these tests allows, in wei.
const TOO_DEAR: u64 = 12_000_000_000;

/// The configuration with an API at a known address.
fn with_api(world: &World) -> Config {
    let mut config = world.config();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    config.api.listen = listener.local_addr().expect("an address");
    config
}

async fn get(config: &Config, path: &str) -> Option<(u16, Value)> {
    let answer = reqwest::get(format!("http://{}{path}", config.api.listen)).await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}

/// Waits until the job says that it waits for `on`; gives what it says.
async fn waits_for(config: &Config, purchase: u64, on: &str) -> Value {
    until(&format!("job {purchase} waits for {on}"), || async {
        let (_, job) = get(config, &format!("/v1/jobs/{purchase}")).await?;
        (job["waiting"]["on"] == on).then(|| job["waiting"].clone())
    })
    .await
}

/// Lets the newest block's base fee be that many wei.
async fn base_fee(world: &World, wei: u64) {
    world.raw("anvil_setNextBlockBaseFeePerGas", json!([wei])).await;
    world.mine(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundler_without_ether_is_said_and_the_result_stays_here_until_it_is_paid() {
    let world = World::start().await;
    world.raw("anvil_setBalance", json!([world.keys.bundler, "0x0"])).await;
    let config = with_api(&world);
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out precious").await;
    let waiting = waits_for(&config, purchase, "bundlerFunds").await;
    let bundler = world.keys.bundler.to_string();
    assert!(waiting["reason"].as_str().unwrap().contains(&bundler), "{waiting}");
    assert!(waiting["help"].as_str().unwrap().contains("send ether"), "{waiting}");
    assert!(waiting["since"].as_u64().unwrap() > 0, "{waiting}");
    let (status, health) = get(&config, "/healthz").await.expect("health");
    assert_eq!(status, 503, "{health}");
    assert!(health["settling"]["problem"].as_str().unwrap().contains(&bundler), "{health}");
    let (status, refusal) = get(&config, &format!("/v1/jobs/{purchase}/result")).await.unwrap();
    assert_eq!((status, &refusal["error"]["code"]), (409, &json!("notSettled")));

    world.raw("anvil_setBalance", json!([world.keys.bundler, "0x4563918244f40000"])).await;
    world.assert_settled_once(&keeper, purchase).await;
    let url = format!("http://{}/v1/jobs/{purchase}/result", config.api.listen);
    assert_eq!(reqwest::get(url).await.unwrap().text().await.unwrap(), "precious\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_withheld_while_its_bundle_is_only_sent() {
    let world = World::start().await;
    let config = with_api(&world);
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let purchase = world.buy(agent, "out precious").await;
    gate.reached().await;
    world.raw("evm_setAutomine", json!([false])).await;
    gate.open();
    waits_for(&config, purchase, "inclusion").await;
    keeper.reaches(purchase, Kind::Sent).await;
    let (status, refusal) = get(&config, &format!("/v1/jobs/{purchase}/result")).await.unwrap();
    assert_eq!((status, &refusal["error"]["code"]), (409, &json!("notSettled")));
    world.raw("evm_setAutomine", json!([true])).await;
    world.mine(1).await;
    world.assert_settled_once(&keeper, purchase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_ether_is_said() {
    let world = World::start().await;
    world.raw("anvil_setBalance", json!([world.account, "0x0"])).await;
    let config = with_api(&world);
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    let waiting = waits_for(&config, purchase, "accountFunds").await;
    let account = world.account.to_string();
    assert!(waiting["help"].as_str().unwrap().contains(&account), "{waiting}");
    world.raw("anvil_setBalance", json!([world.account, "0x4563918244f40000"])).await;
    world.assert_settled_once(&keeper, purchase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_above_the_signers_cap_waits_and_goes_on_by_itself() {
    let world = World::start().await;
    let mut config = with_api(&world);
    // The signer allows 10 gwei: the documented mistake.
    config.settle.max_fee_per_gas = 100_000_000_000;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let gate = world.signers.gate.clone();
    gate.close("signReceipt", Place::Request);
    let purchase = world.buy(agent, "out result").await;
    gate.reached().await;
    base_fee(&world, TOO_DEAR).await;
    gate.open();
    let waiting = waits_for(&config, purchase, "fee").await;
    let reason = waiting["reason"].as_str().unwrap();
    assert!(reason.contains("12000000000") && reason.contains("10000000000"), "{reason}");
    let (status, health) = get(&config, "/healthz").await.expect("health");
    assert_eq!(status, 503, "{health}");
    world.mine(1).await;
    world.assert_settled_once(&keeper, purchase).await;
    assert!(!keeper.history(purchase).contains(&"stuck".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_offered_than_the_signer_allows() {
    let world = World::start().await;
    let mut config = with_api(&world);
    config.settle.max_fee_per_gas = 100_000_000_000;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let gate = world.signers.gate.clone();
    gate.close("signReceipt", Place::Request);
    let purchase = world.buy(agent, "out result").await;
    gate.reached().await;
    // Twice of it, the usual offer, is above the signer's 10 gwei.
    base_fee(&world, TOO_DEAR / 2).await;
    gate.open();
    world.assert_settled_once(&keeper, purchase).await;
    assert!(!keeper.history(purchase).contains(&"stuck".to_owned()));
}

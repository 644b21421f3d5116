//! Two keepers of one registry, and one keeper started twice.

mod common;

use common::World;
use domain::job::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_racing_keepers_one_settles_and_both_know() {
    let world = World::start().await;
    let agent = world.list().await;
    let (account, _signer, proxy) = world.another_keeper().await;
    let one = world.keeper(&world.config());
    let two = world.keeper(&world.config_of("two", account, &proxy));
    for round in 0..3 {
        let purchase = world.buy(agent, &format!("out {round}")).await;
        let first = one.reaches(purchase, Kind::Final).await;
        let second = two.reaches(purchase, Kind::Final).await;
        let settled = world.settlements(purchase).await;
        assert_eq!(settled.len(), 1);
        let winner = settled[0].keeper;
        assert!(winner == world.account || winner == account);
        let (first, second) = (first.settlement().unwrap(), second.settlement().unwrap());
        assert_eq!((first.keeper, second.keeper), (winner, winner));
        assert_eq!((first.ours, second.ours), (winner == world.account, winner == account));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_keeper_on_the_same_store_refuses_to_start() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "out x").await;
    keeper.reaches(purchase, Kind::Final).await;
    let error = keeper::Keeper::start(world.config(), Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("in use by another keeper"), "{error:#}");
}

//! Docker, node and signer away for a while: jobs wait, nothing is lost.

mod common;

use common::World;
use common::docker_proxy::DockerProxy;
use common::wait::until;
use domain::job::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_docker_and_run_when_it_is_there() {
    let world = World::start().await;
    let mut docker = DockerProxy::stopped(&world.folder.path().join("docker.sock"));
    let mut config = world.config();
    config.docker.socket = Some(docker.socket.clone());
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let mut purchases = Vec::new();
    for number in 0..3 {
        purchases.push(world.buy(agent, &format!("out {number}")).await);
    }
    for purchase in &purchases {
        keeper.reaches(*purchase, Kind::Ready).await;
    }
    docker.start();
    for purchase in &purchases {
        world.assert_settled_once(&keeper, *purchase).await;
    }

    // Gone in the middle of a run: the run is picked up or done again.
    let interrupted = world.buy(agent, "log one\nsleep 1500\nout result").await;
    until("the agent's first line", || {
        let seen = !keeper.log(interrupted).is_empty();
        async move { seen.then_some(()) }
    })
    .await;
    docker.stop().await;
    let waiting = world.buy(agent, "out after").await;
    keeper.reaches(waiting, Kind::Ready).await;
    assert!(keeper.is_running());
    docker.start();
    world.assert_settled_once(&keeper, interrupted).await;
    world.assert_settled_once(&keeper, waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_waited_for_and_no_block_is_skipped() {
    let mut world = World::start().await;
    let mut config = world.config();
    let api = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.api.listen = api;
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    let first = world.buy(agent, "out first").await;
    world.assert_settled_once(&keeper, first).await;
    let healthy = || async move {
        let answer = reqwest::get(format!("http://{api}/healthz")).await.ok()?;
        Some(answer.status().is_success())
    };
    until("a healthy keeper", || async { healthy().await.filter(|fine| *fine) }).await;

    world.node.die().await;
    let during = world.buy(agent, "out during").await;
    world.mine(20).await;
    until("the keeper says so", || async { healthy().await.filter(|fine| !*fine) }).await;
    assert!(keeper.is_running());
    world.node.come_back().await;
    world.assert_settled_once(&keeper, during).await;
    until("a healthy keeper", || async { healthy().await.filter(|fine| *fine) }).await;

    // While the keeper itself is away, too.
    keeper.kill9();
    let missed = world.buy(agent, "out missed").await;
    world.mine(20).await;
    world.node.die().await;
    keeper.restart();
    world.node.come_back().await;
    world.assert_settled_once(&keeper, missed).await;
}

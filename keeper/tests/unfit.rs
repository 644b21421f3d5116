//! What can never run, and what can run only later: an unusable image is refunded after one
//! attempt and is nobody else's trouble; an engine that cannot protect is the keeper's trouble and
//! no job's; a run that is lost is repeated after growing pauses.

mod common;

use std::net::SocketAddr;

use bollard::Docker;
use bollard::query_parameters::KillContainerOptionsBuilder;
use common::World;
use common::crafted::{self, Described, OTHER};
use common::docker_refusals::{Refusal, RefusingEngine};
use common::keeper::KeeperProcess;
use common::wait::until;
use common::world::PRICE;
use common::{agent, containers};
use domain::job::Kind;
use domain::receipt::Outcome;
use serde_json::Value;

/// A free port for the keeper's API.
fn port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

async fn get(api: SocketAddr, path: &str) -> Option<(u16, Value)> {
    let answer = reqwest::get(format!("http://{api}{path}")).await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}

async fn health(api: SocketAddr) -> Option<u16> {
    get(api, "/healthz").await.map(|(status, _)| status)
}

fn docker() -> Docker {
    Docker::connect_with_defaults().expect("a Docker engine")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_image_costs_one_attempt_and_nobody_else_anything() {
    let world = World::start().await;
    let mut config = world.config();
    config.api.listen = port();
    let keeper = world.keeper(&config);
    let api = config.api.listen;
    until("a healthy keeper", || async { health(api).await.filter(|s| *s == 200) }).await;

    let program = std::fs::read(agent::binary()).expect("a program");
    let fine = Described::fine(&program);
    let images = [
        Described { architecture: OTHER, ..fine },
        Described { entry: &["/nowhere"], ..fine },
        Described { mode: 0o644, ..fine },
        Described { entry: &[], ..fine },
        Described { folder: "/agent", ..fine },
    ];
    let before = world.credit(world.buyer).await;
    let mut purchases = Vec::new();
    for image in images {
        let listed = world.list_as(&agent::manifest(5), crafted::load(image).await).await;
        purchases.push(world.buy(listed, "out x").await);
    }
    for purchase in &purchases {
        let state = keeper.reaches(*purchase, Kind::Final).await;
        let run = state.run().expect("a record");
        assert_eq!(run.outcome, Outcome::ImageUnusable, "{}", run.detail);
        assert_eq!(world.status(*purchase).await, 3, "refunded by the settlement");
        let path = keeper.history(*purchase);
        let once = path.iter().filter(|state| *state == "running").count();
        assert_eq!((once, path.len()), (1, 10), "{path:?}");
        assert!(keeper.log(*purchase).is_empty());
        assert_eq!(health(api).await, Some(200), "no trouble of the engine");
    }
    let paid = alloy::primitives::U256::from(PRICE * purchases.len() as u64);
    assert_eq!(world.credit(world.buyer).await, before + paid);
    let good = world.list().await;
    let good = world.buy(good, "out fine").await;
    world.assert_settled_once(&keeper, good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_refuses_the_protections_is_told_before_any_job_runs() {
    let world = World::start().await;
    let socket = world.folder.path().join("docker.sock");
    let refusal = Refusal {
        request: "/containers/create",
        status: 500,
        message: "container create: unknown mount option \"nr_inodes=4096\": invalid mount option",
    };
    let engine = RefusingEngine::start(&socket, Some(refusal));
    let mut config = world.config();
    (config.api.listen, config.docker.socket) = (port(), Some(socket));
    let keeper = world.keeper(&config);
    let api = config.api.listen;
    let unfit = || async move {
        let (status, health) = get(api, "/healthz").await?;
        let problem = health["docker"]["problem"].as_str()?.to_owned();
        (status == 503 && problem.contains("cannot run agents safely")).then_some(problem)
    };
    let problem = until("the engine is found out", unfit).await;
    assert!(problem.contains("nr_inodes"), "{problem}");

    let listed = world.list().await;
    let purchase = world.buy(listed, "out after all").await;
    keeper.reaches(purchase, Kind::Ready).await;
    let tries = engine.refused();
    until("it is tried again", || async { (engine.refused() > tries + 1).then_some(()) }).await;
    let waits = || async {
        let (_, job) = get(api, &format!("/v1/jobs/{purchase}")).await?;
        let wait = job["waiting"].clone();
        (wait["on"] == "engine").then(|| wait["reason"].as_str().map(str::to_owned))?
    };
    let reason = until("a reason to wait", waits).await;
    assert!(reason.contains("nr_inodes"), "{reason}");
    assert_eq!(keeper.history(purchase), ["seen", "confirmed", "ready"], "no attempt is burnt");
    assert_eq!(world.status(purchase).await, 1, "nobody is refunded at once");

    engine.refuse(None);
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().expect("a record").attempt, 1);
    assert_eq!(health(api).await, Some(200));
}

/// When the job's runs began, in Unix milliseconds.
fn starts(keeper: &KeeperProcess, job: u64) -> Vec<i64> {
    let start = |n: usize| {
        keeper.count(&format!(
            "SELECT at FROM events WHERE job = {job} AND kind = 'state' AND text = 'running' \
             ORDER BY cursor LIMIT 1 OFFSET {n}"
        ))
    };
    (0..).map(start).take_while(|at| *at > 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_are_lost_are_repeated_after_growing_pauses_also_by_the_next_process() {
    let world = World::start().await;
    let mut keeper = world.keeper(&world.config());
    let listed = world.list().await;
    let purchase = world.buy(listed, "sleep 1000\nout at last").await;
    for lost in 1..=4 {
        let label = format!("agentnexus.attempt={lost}");
        let id = until("the agent runs", || containers::running(world.account, &label)).await;
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        docker().kill_container(&id, Some(options)).await.expect("a kill");
        if lost == 3 {
            keeper.kill9();
            keeper.restart();
        }
    }
    let state = world.assert_settled_once(&keeper, purchase).await;
    assert_eq!(state.run().expect("a record").attempt, 5);
    let starts = starts(&keeper, purchase);
    let pauses: Vec<i64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, least) in pauses.iter().zip([500, 1000, 2000, 4000]) {
        // The events are stamped a moment after the jobs, by which the pauses go.
        assert!(*pause >= least - 50, "{pauses:?}");
    }
    assert_eq!(pauses.len(), 4, "few events: {pauses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_paused_beyond_the_deadline_is_given_up_and_refunded() {
    let world = World::start().await;
    let keeper = world.keeper(&world.config());
    let image = agent::load().await;
    let hasty = world.list_as(&agent::manifest(2), image).await;
    let purchase = world.buy(hasty, "sleep 1000\nout late").await;
    let label = "agentnexus.attempt=1";
    let id = until("the agent runs", || containers::running(world.account, label)).await;
    docker().pause_container(&id).await.expect("paused");
    world.raw("evm_increaseTime", serde_json::json!([100_000])).await;
    world.mine(1).await;
    let run = until("it is given up", || async {
        keeper.job(purchase).and_then(|state| state.run().cloned())
    })
    .await;
    assert_eq!(run.outcome, Outcome::Killed, "not held against the agent: {}", run.detail);
    assert!(run.detail.contains("paused"), "{}", run.detail);
    until("its container is gone", || async {
        containers::of(world.account).await.is_empty().then_some(())
    })
    .await;
}

//! A keeper with nothing to do does next to nothing, and still sees a block at once.

mod common;

use std::time::{Duration, Instant};

use common::World;

/// Clock ticks in a second, as `/proc` counts them on Linux.
const TICKS: f64 = 100.0;
/// Of one core, in a debug build.
const MOST: f64 = 0.01;

/// Seconds of CPU time that a process has used.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_keeper_uses_no_more_than_a_hundredth_of_a_core() {
    let world = World::start().await;
    let mut config = world.config();
    // As `nexus dev` has it: no proxy before the node, which tells of new blocks.
    config.chain.rpc_url = world.devnet.rpc_url().parse().expect("a URL");
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    world.assert_settled_once(&keeper, purchase).await;

    let (before, begun) = (cpu_seconds(keeper.pid()), Instant::now());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let used = (cpu_seconds(keeper.pid()) - before) / begun.elapsed().as_secs_f64();
    assert!(used <= MOST, "{:.2} % of a core", used * 100.0);

    let next = world.buy(agent, "out another").await;
    world.assert_settled_once(&keeper, next).await;
}

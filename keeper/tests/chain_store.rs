//! Another program at the keeper's database, and a disk that is full.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::World;
use common::wait::until;
use domain::job::Kind;

fn free_port() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn healthy(api: std::net::SocketAddr) -> Option<bool> {
    let answer = reqwest::get(format!("http://{api}/healthz")).await.ok()?;
    Some(answer.status().is_success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_holds_the_database_for_seconds_is_waited_out_in_good_health() {
    let world = World::start().await;
    let mut config = world.config();
    config.api.listen = free_port();
    let api = config.api.listen;
    let keeper = world.keeper(&config);
    let agent = world.list().await;
    let before = world.buy(agent, "out before").await;
    world.assert_settled_once(&keeper, before).await;
    until("a healthy keeper", || async { healthy(api).await.filter(|fine| *fine) }).await;

    let other = rusqlite::Connection::open(&config.store.path).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let during = world.buy(agent, "out during").await;
    let (locked, mut looks) = (Instant::now(), 0);
    while locked.elapsed() < Duration::from_secs(6) {
        assert_eq!(healthy(api).await, Some(true), "after {:?}", locked.elapsed());
        looks += 1;
    }
    assert!(looks > 10, "it answers meanwhile: {looks}");
    assert!(keeper.job(during).is_none(), "nothing was written");
    other.execute_batch("COMMIT").unwrap();
    world.assert_settled_once(&keeper, during).await;
}

/// A disk of its own, a few pages large.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: std::path::PathBuf) -> Self {
        std::fs::create_dir(&at).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
        let status = Command::new("mount").args(mount).arg(&at).status().unwrap();
        assert!(status.success(), "a tmpfs is mounted, which wants root");
        Self(at)
    }

    /// Takes all space that is left.
    fn fill(&self) {
        let chunk = vec![0; 4096];
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_with_a_full_disk_ends_with_zero_and_goes_on_when_there_is_space() {
    let world = World::start().await;
    let mut config = world.config();
    config.shutdown.grace_seconds = 1;
    config.api.listen = free_port();
    let api = config.api.listen;
    let disk = SmallDisk::mount(world.folder.path().join("disk"));
    config.store.path = disk.0.join("keeper.db");
    let mut keeper = world.keeper(&config);
    let agent = world.list().await;
    until("a healthy keeper", || async { healthy(api).await.filter(|fine| *fine) }).await;
    disk.fill();
    let purchase = world.buy(agent, "out result").await;
    world.mine(30).await;
    let full = || async {
        let text = reqwest::get(format!("http://{api}/healthz")).await.ok()?.text().await.ok()?;
        text.contains("the disk of the store is full").then_some(())
    };
    until("the keeper says so", full).await;
    // For as long as it is so: that reads are answered does not make it well.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        assert!(full().await.is_some(), "after {:?}", begun.elapsed());
    }
    assert_eq!(keeper.terminate().await.code(), Some(0));

    std::fs::remove_file(disk.0.join("filler")).unwrap();
    keeper.restart();
    let state = keeper.reaches(purchase, Kind::Final).await;
    assert_eq!(state.run().map(|run| run.attempt), Some(1));
    keeper.kill9();
}

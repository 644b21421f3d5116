//! Measures settlements per second through a backlog: `scripts/bench settle`.
//!
//! Real parts throughout: the embedded chain, `nexus-signer`, `nexus-keeper`. The purchases' input
//! does not fit the agent's manifest, so each is settled as a failure without a container. The
//! bundler's transactions are held back until every operation is signed, then let go; from there
//! to the last settlement on the chain is measured.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "standard output is the result")]

mod children;
mod proxy;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

/// Settles a backlog of purchases and says how fast.
#[derive(Debug, Parser)]
struct Options {
    /// Purchases in the backlog
    #[arg(long, default_value_t = 1000, value_name = "N")]
    jobs: u64,
    /// Operations in one bundle; the keeper's default if not given
    #[arg(long, value_name = "N")]
    max_batch: Option<usize>,
    /// Folder with nexus-keeper and nexus-signer [default: beside this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    patience: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    jobs: u64,
    /// Seconds until all operations were signed.
    signing_seconds: f64,
    /// Seconds from letting the bundles go until everything is settled on the chain.
    settling_seconds: f64,
    settlements_per_second: f64,
    /// Bundler transactions in the chain.
    bundles: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let bin_dir = match &options.bin_dir {
        Some(folder) => folder.clone(),
        None => beside()?,
    };
    let report = measure(&options, bin_dir).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!(
            "{} settlements in {:.2} s: {:.1} a second, {} bundles (signed in {:.1} s before)",
            report.jobs,
            report.settling_seconds,
            report.settlements_per_second,
            report.bundles,
            report.signing_seconds
        );
    }
    Ok(())
}

async fn measure(options: &Options, bin_dir: PathBuf) -> Result<Report> {
    let patience = Duration::from_secs(options.patience);
    let world = world::World::start(&bin_dir, options.max_batch).await?;
    eprintln!("buying {} runs", options.jobs);
    let first = world.buy(options.jobs).await?;
    let begun = Instant::now();
    let keeper = world.keeper(&bin_dir)?;
    let store = world.store_path();
    eprintln!("waiting until all are signed");
    // Some are in bundles that are held back, the rest waits as signed.
    until("all operations are signed", patience, async || {
        let Some(ready) = signed(&store) else { return Ok(None) };
        Ok((ready >= options.jobs).then_some(()))
    })
    .await?;
    let signing_seconds = begun.elapsed().as_secs_f64();

    let nonce = world.bundler_nonce().await?;
    ensure!(nonce == 0, "{nonce} bundles were mined although they were held back");
    eprintln!("letting the bundles go");
    let released = Instant::now();
    world.proxy.release();
    until("all purchases are settled", patience, async || {
        Ok((world.settled(first).await? >= options.jobs).then_some(()))
    })
    .await?;
    let settling_seconds = released.elapsed().as_secs_f64();
    let bundles = world.bundler_nonce().await?;
    drop(keeper);
    Ok(Report {
        jobs: options.jobs,
        signing_seconds,
        settling_seconds,
        settlements_per_second: options.jobs as f64 / settling_seconds,
        bundles,
    })
}

/// Jobs whose operation is signed; `None` before the keeper has made its store.
fn signed(store: &std::path::Path) -> Option<u64> {
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let sql = "SELECT count(*) FROM jobs WHERE kind IN ('signed', 'sent')";
    store.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
}

async fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        ensure!(Instant::now() < deadline, "not within {} s: {what}", patience.as_secs());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let folder = own.parent().and_then(|folder| folder.parent());
    Ok(folder.context("this program lies in no folder")?.to_owned())
}

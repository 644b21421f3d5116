//! Throws random and hostile modules at the engine for a while: no panic, no hang, bounded memory,
//! every rule of `scenario` kept. A failing input is written to a file, which `--input` runs again.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod modules;
mod scenario;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use scenario::Fate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Throws random and hostile modules at the engine.
#[derive(Debug, Parser)]
struct Options {
    /// How long
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Seed of the inputs; a run with the same seed gives the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest time that one input may take, in seconds
    #[arg(long, default_value_t = 120)]
    hang: u64,
    /// Most memory that the process may hold, in MiB
    #[arg(long, default_value_t = 3072)]
    memory: u64,
    /// Run this input alone
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where a failing input is written
    #[arg(long, default_value = "fuzz-failure.bin")]
    failure: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(path) = &options.input {
        let input = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let fate = scenario::run(&input).map_err(anyhow::Error::msg)?;
        println!("{fate:?}");
        return Ok(());
    }
    let (beats, watch) = mpsc::channel();
    let worker = std::thread::Builder::new().name("fuzz".into()).spawn({
        let seed = options.seed;
        let end = Instant::now() + Duration::from_secs(options.seconds);
        move || work(seed, end, &beats)
    })?;
    let mut last = Vec::new();
    loop {
        match watch.recv_timeout(Duration::from_secs(options.hang)) {
            Ok(input) => last = input,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                std::fs::write(&options.failure, &last)?;
                bail!("one input took over {} s: {}", options.hang, options.failure.display());
            }
        }
        let held = resident_mib()?;
        if held > options.memory {
            std::fs::write(&options.failure, &last)?;
            bail!("{held} MiB held, {} allowed", options.memory);
        }
    }
    let outcome = worker.join().map_err(|_| anyhow::anyhow!("the driver panicked"))?;
    if let Err(error) = outcome {
        std::fs::write(&options.failure, &last)?;
        bail!("{error}; the input is in {}", options.failure.display());
    }
    Ok(())
}

/// Runs inputs until the time is over, sending each one ahead.
fn work(seed: u64, end: Instant, beats: &mpsc::Sender<Vec<u8>>) -> Result<(), String> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut counts = [0u64; 3];
    let mut told = Instant::now();
    while Instant::now() < end {
        let mut input = vec![0; 64 << (random.next_u32() % 8)];
        random.fill_bytes(&mut input);
        if beats.send(input.clone()).is_err() {
            break;
        }
        let fate = catch_unwind(AssertUnwindSafe(|| scenario::run(&input)))
            .map_err(|_| "panicked".to_owned())??;
        counts[match fate {
            Fate::Nothing => 0,
            Fate::Refused => 1,
            Fate::Ran => 2,
        }] += 1;
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            report(counts, end.saturating_duration_since(told));
        }
    }
    report(counts, Duration::ZERO);
    Ok(())
}

fn report([nothing, refused, ran]: [u64; 3], left: Duration) {
    println!(
        "{} inputs: {ran} ran, {refused} refused, {nothing} without a module; {} MiB; {} s left",
        nothing + refused + ran,
        resident_mib().unwrap_or_default(),
        left.as_secs(),
    );
}

/// Memory that this process holds.
fn resident_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    let kib: u64 = kib.parse()?;
    ensure!(kib > 0, "VmRSS is 0");
    Ok(kib / 1024)
}

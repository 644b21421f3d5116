//! A whole local network in one place: chain, contracts, signer and keeper.

pub mod account;
mod children;
mod containers;
mod contracts;
mod data_dir;
pub mod leftovers;
pub mod process;
pub mod signals;
mod start;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use deployer::Size;
use serde::Serialize;

use self::{account::Operator, leftovers::Removed};
use crate::{
    failure::{self, Failure},
    output::Output,
    ready::{self, Contracts, ReadyFile},
};

/// How to run the network.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// Port of the chain; 0 for any.
    pub port: u16,
    /// Port of the keeper's API; 0 for any.
    pub api_port: u16,
    /// Folder for everything; a temporary one by default.
    pub data_dir: Option<PathBuf>,
    /// Root of the project's sources; found from the current folder by default.
    pub root: Option<PathBuf>,
    /// Time between blocks; none mines at every transaction.
    pub block_time: Option<Duration>,
    /// The ready file that the network will be announced with.
    pub ready_file: Option<PathBuf>,
    /// Show the lines of signer and keeper.
    pub show: bool,
}

/// A running network, as those who use it see it.
#[derive(Debug, Clone)]
pub struct Network {
    /// What other programs need.
    pub ready: ReadyFile,
    /// What happened while it was set up.
    pub facts: Facts,
}

/// What setting up did.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Chain id.
    pub chain_id: u64,
    /// Sizes of the programs.
    pub programs: Vec<Size>,
    /// Bytes of EntryPoint code found at its canonical address.
    pub entry_point_code_bytes: usize,
    /// Where everything is.
    pub contracts: Contracts,
    /// The signer's addresses.
    pub operator: Operator,
    /// Seconds that setting up took.
    pub setup_seconds: f64,
}

/// Removes what killed networks of this user left behind.
pub async fn clean(out: Output) -> anyhow::Result<Vec<Removed>> {
    containers::must_answer().await?;
    let state = ready::state_folder().context("neither XDG_STATE_HOME nor HOME is set")?;
    Ok(leftovers::remove(&state.join(leftovers::NETWORKS), out).await)
}

/// Starts a network, does some work on it, and stops it: at the end of the work, when a
/// part of the network fails, or at a signal, which is [`Failure::Interrupted`].
pub async fn run<T>(
    out: Output,
    options: StackOptions,
    work: impl AsyncFnOnce(Network) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let stop = signals::stop()?;
    tokio::pin!(stop);
    let show = options.show;
    let mut stack = tokio::select! {
        stack = start::Stack::start(out, options) => stack?,
        () = &mut stop => return Err(Failure::Interrupted.into()),
    };
    let network = stack.network().clone();
    let result = tokio::select! {
        result = work(network) => result,
        error = stack.failed() => Err(error),
        () = &mut stop => Err(Failure::Interrupted.into()),
    };
    if let Err(error) = &result
        && !show
        && !matches!(failure::of(error), Some(Failure::Interrupted))
    {
        out.note(stack.last_lines());
    }
    out.note("\nStopping the network");
    stack.shutdown().await;
    result
}

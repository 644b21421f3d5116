//! `nexus dev`.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::{
    args::Globals,
    failure::{self, Failure},
    output::{Output, Report},
    ready::{self, ReadyFile},
    stack::{self, Network, StackOptions, leftovers::Removed},
};

/// Arguments of `nexus dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus dev                                  then, in another terminal: nexus agent list
  nexus dev --port 8545 --api-port 8600      fixed ports
  nexus dev --ready-file /tmp/ready.json     for scripts: wait until this file exists
  nexus dev --clean                          remove what killed networks left, then end

The ready file holds rpcUrl, wsUrl, apiUrl, chainId, contracts and the development accounts
with their keys; it is written when everything is healthy and removed at the end. Ctrl-C or
SIGTERM stops all parts in order and removes what they made; what a killed one leaves (folder,
containers, ready file) the next one removes.")]
pub struct DevArgs {
    /// Port of the chain's RPC, HTTP and WebSocket [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Port of the keeper's API [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub api_port: u16,
    /// Folder for keys, configuration, databases and sockets; must be new or empty
    /// [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Mine a block every so many seconds instead of at every transaction
    #[arg(long, value_name = "SECONDS")]
    pub block_time: Option<u64>,
    /// Only remove what killed networks left: folders, containers, ready files
    #[arg(long, conflicts_with_all = ["port", "api_port", "data_dir", "block_time"])]
    pub clean: bool,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Cleaned(Vec<Removed>);

impl Report for Cleaned {
    fn human(&self) -> String {
        match self.0.len() {
            0 => "Nothing is left of killed networks.".to_owned(),
            count => format!("Removed what {count} killed network(s) left."),
        }
    }
}

/// Runs the network until a signal or a failure.
pub async fn run(out: Output, globals: &Globals, args: DevArgs) -> anyhow::Result<()> {
    if args.clean {
        return out.result(&Cleaned(stack::clean(out).await?));
    }
    let path = globals.ready_file.clone().or_else(ready::default_path);
    let _claim = path.as_deref().map(claim_ready_file).transpose()?;
    let options = StackOptions {
        port: args.port,
        api_port: args.api_port,
        data_dir: args.data_dir,
        root: None,
        block_time: args.block_time.map(Duration::from_secs),
        ready_file: path.as_deref().map(std::path::absolute).transpose()?,
        show: true,
    };
    let ended =
        stack::run(out, options, async |network| serve(out, &network, path.as_deref()).await);
    let ended = ended.await;
    match ended {
        Err(error) if matches!(failure::of(&error), Some(Failure::Interrupted)) => Ok(()),
        other => other,
    }
}

/// Takes the ready file for this process, so that no second network overwrites or removes that of
/// a living one; removes what a killed one left there.
fn claim_ready_file(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("creating the folder {}", folder.display()))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = File::create(&name).with_context(|| format!("creating {}", name.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Failure::Refused(format!(
                "another `nexus dev` runs and has the ready file {}: stop it, or give this one \
                 another --ready-file",
                path.display()
            ))
            .into());
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("locking {}", name.display()));
        }
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the old ready file {}", path.display()))
        }
        _ => Ok(lock),
    }
}

/// Announces the network, then waits to be dropped by a signal or a failure.
async fn serve(out: Output, network: &Network, path: Option<&Path>) -> anyhow::Result<()> {
    let _announced = path.map(|path| Announced::write(out, &network.ready, path)).transpose()?;
    if out.is_json() {
        out.result(&network.ready)?;
    } else {
        out.note(network.ready.human());
        out.note("Everything is up. Ctrl-C stops it.");
    }
    std::future::pending().await
}

/// A ready file that goes away with the network.
struct Announced(PathBuf);

impl Announced {
    fn write(out: Output, ready: &ReadyFile, path: &Path) -> anyhow::Result<Self> {
        ready.write(path)?;
        out.note(format!("Ready file: {}", path.display()));
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_networks_ready_file_is_not_taken_and_a_dead_ones_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/ready.json");
        let first = claim_ready_file(&path).unwrap();
        std::fs::write(&path, "of the first").unwrap();
        let error = claim_ready_file(&path).unwrap_err();
        assert_eq!(failure::exit_code(&error), 3, "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of the first");

        // As a kill -9 leaves it.
        drop(first);
        let _second = claim_ready_file(&path).unwrap();
        assert!(!path.exists(), "nobody takes it for the new one's");
    }
}

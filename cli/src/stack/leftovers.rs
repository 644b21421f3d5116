//! What a killed network leaves, and its removal by the next one.
//!
//! Each network holds a lock on a file of its own in the user's state folder for as long as its
//! process lives; the file names its folder, its keeper and its ready file. The kernel lets the
//! lock go when the process ends, however it ends: a file whose lock can be taken is of a dead
//! network. Nothing else is ever removed, so no living network and no keeper of another kind.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{containers, data_dir};
use crate::{output::Output, ready::ReadyFile};

/// Name of the folder of claims inside the state folder.
pub const NETWORKS: &str = "networks";

/// What a network tells about itself, one JSON line each time it knows more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    /// The folder, which holds a marker with the same id.
    folder: PathBuf,
    /// Random; tells this network's folder from a later one at the same place.
    id: B256,
    /// False when the folder was there before.
    created: bool,
    /// The keeper's smart account, which its containers are labelled with.
    keeper: Option<Address>,
    ready_file: Option<PathBuf>,
}

/// The claim of a living network. Dropping it takes it back.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    path: PathBuf,
    record: Record,
}

impl Claim {
    /// Claims a folder for this process.
    pub fn make(
        networks: &Path,
        data: &data_dir::DataDir,
        ready_file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(networks)?;
        let record = Record {
            folder: data.path().to_owned(),
            id: data.id(),
            created: data.is_removed_whole(),
            keeper: None,
            ready_file,
        };
        // Locked before it gets the name under which others look.
        let hidden = tempfile::Builder::new().prefix(".new-").tempfile_in(networks)?;
        flock(hidden.as_file(), FlockOperation::NonBlockingLockExclusive)?;
        let path = networks.join(format!("{}.json", data.id()));
        let file = hidden.persist(&path)?;
        let mut claim = Self { file, path, record };
        claim.write()?;
        Ok(claim)
    }

    /// Adds the keeper whose containers belong to the network.
    pub fn add_keeper(&mut self, keeper: Address) -> anyhow::Result<()> {
        self.record.keeper = Some(keeper);
        self.write()
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let line = serde_json::to_string(&self.record)? + "\n";
        self.file.write_all(line.as_bytes())?;
        Ok(self.file.sync_data()?)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Something that a dead network left.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Its folder.
    pub folder: PathBuf,
    /// How many of its containers were still there.
    pub containers: usize,
}

/// Removes the folders, containers and ready files of all dead networks of this user. What
/// cannot be removed now is told, and left to the next time.
pub async fn remove(networks: &Path, out: Output) -> Vec<Removed> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(networks).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match remove_dead(&path).await {
            Ok(None) => {}
            Ok(Some(gone)) => {
                out.note(format!(
                    "Removed what a killed network left: {} and {} container(s)",
                    gone.folder.display(),
                    gone.containers
                ));
                removed.push(gone);
            }
            Err(error) => out.warn(format!(
                "what a killed network left cannot be removed ({}): {error:#}",
                path.display()
            )),
        }
    }
    removed
}

/// Removes one network's leftovers, unless it lives.
async fn remove_dead(path: &Path) -> anyhow::Result<Option<Removed>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    // The last line may be cut off.
    let Some(record) = text.lines().rev().find_map(|l| serde_json::from_str::<Record>(l).ok())
    else {
        fs::remove_file(path)?;
        return Ok(None);
    };
    let containers = match record.keeper {
        Some(keeper) => containers::remove(keeper).await.context("removing its containers")?,
        None => 0,
    };
    data_dir::remove_left(&record.folder, record.id, record.created)?;
    if let (Some(ready), Some(keeper)) = (&record.ready_file, record.keeper) {
        remove_ready_file(ready, keeper);
    }
    fs::remove_file(path)?;
    Ok(Some(Removed { folder: record.folder, containers }))
}

/// Removes a ready file if it still is that of the keeper.
fn remove_ready_file(path: &Path, keeper: Address) {
    let found = ReadyFile::read(path).ok().and_then(|ready| ready.contracts.keeper_account);
    if found == Some(keeper) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::data_dir::DataDir;

    struct Place {
        parent: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self { parent: tempfile::tempdir().unwrap() }
        }

        fn networks(&self) -> PathBuf {
            self.parent.path().join("networks")
        }

        fn folder(&self) -> PathBuf {
            self.parent.path().join("data")
        }

        fn claim(&self) -> (DataDir, Claim) {
            let data = DataDir::open(Some(&self.folder())).unwrap();
            data.write("password", "secret").unwrap();
            let claim = Claim::make(&self.networks(), &data, None).unwrap();
            (data, claim)
        }

        async fn sweep(&self) -> usize {
            remove(&self.networks(), Output::new(false, true)).await.len()
        }
    }

    /// Lets a claim go as a kill does: the lock is gone, the file is not.
    fn kill(data: DataDir, claim: Claim) {
        let kept = fs::read(&claim.path).unwrap();
        let path = claim.path.clone();
        drop(claim);
        fs::write(path, kept).unwrap();
        std::mem::forget(data);
    }

    #[tokio::test]
    async fn a_living_network_is_left_alone() {
        let place = Place::new();
        let (data, claim) = place.claim();
        assert_eq!(place.sweep().await, 0);
        assert!(place.folder().join("password").exists());
        drop((data, claim));
        assert_eq!(fs::read_dir(place.networks()).unwrap().count(), 0, "no litter");
    }

    #[tokio::test]
    async fn a_dead_networks_folder_is_removed() {
        let place = Place::new();
        let (data, claim) = place.claim();
        kill(data, claim);
        assert_eq!(place.sweep().await, 1);
        assert!(!place.folder().exists());
        assert_eq!(fs::read_dir(place.networks()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_somebody_uses_again_is_left_alone() {
        let place = Place::new();
        let (data, claim) = place.claim();
        kill(data, claim);
        fs::remove_dir_all(place.folder()).unwrap();
        fs::create_dir(place.folder()).unwrap();
        fs::write(place.folder().join("mine"), "x").unwrap();
        place.sweep().await;
        assert!(place.folder().join("mine").exists());
    }
}

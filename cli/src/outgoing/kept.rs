//! The folder of signed transactions whose end is not known yet.

use std::{
    fs::{self, DirBuilder},
    io::Write as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::primitives::TxHash;
use anyhow::Context as _;

use super::Outgoing;

/// Transactions are kept this long at most: no node still waits for them.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A folder with one file per transaction, which only this user can read.
#[derive(Debug, Clone)]
pub struct Kept(PathBuf);

impl Kept {
    /// The folder of that path; it is made when something is to be kept.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, hash: TxHash) -> PathBuf {
        self.0.join(format!("{hash}.json"))
    }

    /// Writes a transaction so that it survives the end of this process and of the machine.
    pub fn write(&self, outgoing: &Outgoing) -> anyhow::Result<()> {
        let folder = &self.0;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        remove_old(folder);
        let path = self.path(outgoing.transaction);
        let writing = || format!("writing {}", path.display());
        // Such files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(writing)?;
        file.write_all(&serde_json::to_vec(outgoing)?).with_context(writing)?;
        file.as_file().sync_all().with_context(writing)?;
        file.persist(&path).with_context(writing)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(writing)?;
        Ok(())
    }

    /// Reads a transaction; none if it was never kept here, or cannot be read.
    pub fn read(&self, hash: TxHash) -> Option<Outgoing> {
        let bytes = fs::read(self.path(hash)).ok()?;
        let outgoing: Outgoing = serde_json::from_slice(&bytes).ok()?;
        (outgoing.transaction == hash).then_some(outgoing)
    }

    /// Removes a transaction, if it is here.
    pub fn remove(&self, hash: TxHash) {
        let _ = fs::remove_file(self.path(hash));
    }
}

fn remove_old(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok();
        if age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > KEPT_FOR) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use alloy::primitives::{Address, B256, bytes};

    use super::*;

    fn sample() -> Outgoing {
        Outgoing {
            transaction: B256::repeat_byte(7),
            chain_id: 1,
            from: Address::repeat_byte(1),
            nonce: 3,
            raw: bytes!("02ff"),
            signed_at: Some(9),
        }
    }

    #[test]
    fn a_transaction_is_kept_for_this_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let kept = Kept::at(parent.path().join("state/transactions"));
        kept.write(&sample()).unwrap();
        assert_eq!(kept.read(sample().transaction), Some(sample()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&kept.0), 0o700);
        assert_eq!(mode(&kept.path(sample().transaction)), 0o600);
        kept.remove(sample().transaction);
        assert_eq!(fs::read_dir(&kept.0).unwrap().count(), 0, "no litter");
    }

    #[test]
    fn a_damaged_file_is_no_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::at(folder.path().to_owned());
        let other = B256::repeat_byte(8);
        fs::write(kept.path(other), serde_json::to_vec(&sample()).unwrap()).unwrap();
        assert_eq!(kept.read(other), None, "the file holds another transaction");
        fs::write(kept.path(other), b"{").unwrap();
        assert_eq!(kept.read(other), None);
    }
}

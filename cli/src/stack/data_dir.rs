//! The folder of a local network: keys, configuration, databases, sockets. Gone afterwards.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use alloy::primitives::B256;
use anyhow::Context as _;
use tempfile::TempDir;

/// Unix socket paths are limited to 108 bytes; this leaves room for the file name.
const PATH_MAX: usize = 80;
/// The file that tells whose folder it is.
const MARKER: &str = "network.id";

/// The folder; what the network made in it is removed when this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    id: B256,
    kept: Option<Kept>,
    _temporary: Option<TempDir>,
}

/// A folder that the user named.
#[derive(Debug)]
struct Kept {
    created: bool,
}

impl DataDir {
    /// Uses a folder that must be new or empty, or makes a temporary one.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let data = match path {
            Some(path) => Self::named(path)?,
            None => Self::temporary()?,
        };
        data.write(MARKER, &data.id.to_string())?;
        Ok(data)
    }

    fn temporary() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("nexus-")
            .tempdir()
            .context("making a temporary folder")?;
        let path = folder.path().to_owned();
        Ok(Self { path, id: B256::random(), kept: None, _temporary: Some(folder) })
    }

    fn named(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        anyhow::ensure!(
            path.as_os_str().len() <= PATH_MAX,
            "the path {} is too long for the sockets in it: use one of at most {PATH_MAX} bytes",
            path.display()
        );
        let created = match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => {
                return Err(error).with_context(|| format!("creating {}", path.display()));
            }
        };
        let mut entries =
            fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::ensure!(
            entries.next().is_none(),
            "{} is not empty: the chain begins anew at every start, so give a new or empty folder",
            path.display()
        );
        Ok(Self { path, id: B256::random(), kept: Some(Kept { created }), _temporary: None })
    }

    /// Random; stands in the folder's marker as well.
    pub fn id(&self) -> B256 {
        self.id
    }

    /// Tells whether the folder goes with what is in it.
    pub fn is_removed_whole(&self) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.created)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a subfolder that only this user can enter.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("creating {}", path.display()))?;
        Ok(path)
    }

    /// Writes a file that only this user can read.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let path = self.path.join(name);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("writing {}", path.display()))?;
        file.write_all(content.as_bytes())?;
        Ok(path)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let Some(kept) = &self.kept else { return };
        clear(&self.path, kept.created);
    }
}

fn clear(path: &Path, whole: bool) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    if whole {
        let _ = fs::remove_dir(path);
    }
}

/// Removes what a dead network left in its folder, if the marker says that it is still its own.
pub(super) fn remove_left(path: &Path, id: B256, whole: bool) -> anyhow::Result<()> {
    if fs::read_to_string(path.join(MARKER)).is_ok_and(|marker| marker == id.to_string()) {
        clear(path, whole);
        anyhow::ensure!(!path.join(MARKER).exists(), "{} is still there", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_leaves_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let dir = DataDir::open(Some(&path)).unwrap();
        dir.folder("keys").unwrap();
        dir.write("keys/secret", "x").unwrap();
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_in_use_is_refused_and_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("mine"), "x").unwrap();
        let message = DataDir::open(Some(parent.path())).unwrap_err().to_string();
        assert!(message.contains("not empty"), "{message}");
        assert!(parent.path().join("mine").exists());
    }
}

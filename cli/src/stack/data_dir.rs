//! The folder of a local network: keys, configuration, databases, sockets. Gone afterwards.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::TempDir;

/// Unix socket paths are limited to 108 bytes; this leaves room for the file name.
const PATH_MAX: usize = 80;

/// The folder; what the network made in it is removed when this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
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
        let Some(path) = path else {
            let folder = tempfile::Builder::new()
                .prefix("nexus-")
                .tempdir()
                .context("making a temporary folder")?;
            return Ok(Self {
                path: folder.path().to_owned(),
                kept: None,
                _temporary: Some(folder),
            });
        };
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
        Ok(Self { path, kept: Some(Kept { created }), _temporary: None })
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
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        if kept.created {
            let _ = fs::remove_dir(&self.path);
        }
    }
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

//! Compiled programs on disk, so that the next start need not compile them again.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig};

/// Most bytes that the folder holds, more or less: older programs make room for newer ones.
const SIZE: u64 = 512 << 20;

/// Where programs are kept unless another folder is named: in the user's cache folder.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("nexus-devnet").join("programs"))
}

/// Opens the folder. If that cannot be done a warning is logged: it only costs time.
pub(super) fn open(folder: &Path) -> Option<Cache> {
    match try_open(folder) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(
                "compiled programs are not kept in {}: {error}; choose another folder with \
                 --cache-dir, or none with --no-disk-cache",
                folder.display()
            );
            None
        }
    }
}

fn try_open(folder: &Path) -> io::Result<Cache> {
    make(folder)?;
    let folder = folder.canonicalize()?;
    probe(&folder)?;
    let mut config = CacheConfig::new();
    config.with_directory(folder).with_files_total_size_soft_limit(SIZE);
    Cache::new(config).map_err(|error| io::Error::other(format!("{error:#}")))
}

/// Creates the folder, for its owner only: what is found there is executed.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    refuse_shared(folder)
}

/// Fails if anybody else could put programs there.
#[cfg(unix)]
fn refuse_shared(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if folder.metadata()?.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other(
            "others may write there, and what is found there is executed",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Fails if nothing can be written there.
fn probe(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&file, b"")?;
    std::fs::remove_file(&file)
}

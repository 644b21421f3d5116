//! Files that hold a chain. A file is either the old one or the new one, whatever happens.

use super::{SavedError, pack, unpack};
use crate::chain::Moment;
use crate::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Reads a chain with a known id.
///
/// # Errors
/// When the file cannot be read or is no state of such a chain.
pub fn read(path: &Path, chain_id: u64) -> Result<Moment, Error> {
    let read = || unpack(&fs::read(path)?, chain_id);
    read().map_err(|reason| Error::LoadState { path: path.to_owned(), reason })
}

/// Writes a chain; the file is replaced at once when everything is on the disk.
///
/// # Errors
/// When the file cannot be written; an older one is then as it was.
pub fn write(path: &Path, moment: &Moment, chain_id: u64) -> Result<(), Error> {
    let write = || Ok::<_, SavedError>(replace(path, &pack(moment, chain_id)?)?);
    write().map_err(|reason| Error::SaveState { path: path.to_owned(), reason })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = name.to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = folder.join(draft);
    let written = write_all(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is what counts; a draft that was never made cannot be removed.
        let _ = fs::remove_file(&draft);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write_all(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

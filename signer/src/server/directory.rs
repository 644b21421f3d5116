//! The socket's directory must be private; a dead signer's socket file is cleared away.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::BindError;

/// Creates the directory, or insists that nobody else can do harm in the one that is there.
pub fn prepare(socket: &Path, group_access: bool) -> Result<(), BindError> {
    let wanted = if group_access { 0o750 } else { 0o700 };
    let directory = match socket.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let io_error = |error| BindError::Io { path: socket.into(), error };
    if !directory.exists() {
        DirBuilder::new().recursive(true).mode(wanted).create(directory).map_err(io_error)?;
        // The umask may have taken the group's rights away.
        fs::set_permissions(directory, Permissions::from_mode(wanted)).map_err(io_error)?;
    }
    let metadata = fs::metadata(directory).map_err(io_error)?;
    let mode = metadata.mode() & 0o777;
    if metadata.uid() != rustix::process::geteuid().as_raw() || mode & !wanted != 0 {
        return Err(BindError::OpenDirectory { path: directory.into(), mode, wanted });
    }
    Ok(())
}

/// Removes a socket file that nobody listens on.
pub fn remove_stale(socket: &Path) -> Result<(), BindError> {
    let io_error = |error| BindError::Io { path: socket.into(), error };
    match fs::symlink_metadata(socket) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(socket.into()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(error)),
    }
    match UnixStream::connect(socket) {
        Ok(_) => Err(BindError::InUse(socket.into())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(socket).map_err(io_error)
        }
        Err(error) => Err(io_error(error)),
    }
}

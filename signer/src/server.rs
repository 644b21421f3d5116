//! The Unix socket: who may connect, how many at once, and how it all ends.

mod connection;
mod directory;
mod peers;

use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, fs};

use domain::wire::{RefusalCode, Response, write_frame};

use crate::config::SocketOptions;
use crate::refusal::Refusal;
use crate::service::Service;
use peers::Peers;

/// Pause after a failed `accept`, such as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Most time for telling a peer that it is not served.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(200);

/// A socket that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system refuses.
    #[error("cannot listen on {path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others could replace the socket or reach it.
    #[error(
        "the socket's directory {path} must belong to this user, with mode {wanted:o}, not {mode:o}"
    )]
    OpenDirectory {
        /// Which directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The most that is allowed.
        wanted: u32,
    },
    /// Another signer answers there.
    #[error("a signer is listening on {0} already")]
    InUse(PathBuf),
    /// Something else than a socket is in the way.
    #[error("{0} exists and is no socket")]
    NotASocket(PathBuf),
}

/// A bound socket, not yet serving.
pub struct Server {
    listener: Arc<UnixListener>,
    stopping: Arc<AtomicBool>,
    peers: Arc<Peers>,
    service: Arc<Service>,
    options: Arc<SocketOptions>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the socket in its private directory; peers can connect from now on.
    ///
    /// # Errors
    /// When the directory is not private, another signer listens, or the system refuses.
    pub fn bind(options: SocketOptions, service: Service) -> Result<Self, BindError> {
        let path = &options.path;
        let io_error = |error| BindError::Io { path: path.clone(), error };
        directory::prepare(path, options.group_access)?;
        directory::remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(io_error)?;
        let mode = if options.group_access { 0o660 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io_error)?;
        Ok(Self {
            listener: Arc::new(listener),
            stopping: Arc::default(),
            peers: Arc::new(Peers::new(options.max_connections)),
            service: Arc::new(service),
            options: Arc::new(options),
        })
    }

    /// What stops the server from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper { listener: Arc::clone(&self.listener), stopping: Arc::clone(&self.stopping) }
    }

    /// The socket file.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Serves until stopped, then lets running requests end and removes the socket file.
    pub fn serve(self) {
        while !self.stopping.load(Ordering::SeqCst) {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(_) if self.stopping.load(Ordering::SeqCst) => break,
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
        self.peers.close_and_wait();
        if let Err(error) = fs::remove_file(self.path()) {
            tracing::debug!(%error, "cannot remove the socket file");
        }
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn(self) -> io::Result<Running> {
        let (stopper, path) = (self.stopper(), self.path().to_path_buf());
        let thread = thread::Builder::new().name("signer".into()).spawn(move || self.serve())?;
        Ok(Running { stopper, path, thread: Some(thread) })
    }

    /// Decides whether a new connection is served, and starts a thread for it.
    fn admit(&self, stream: UnixStream) {
        match rustix::net::sockopt::socket_peercred(&stream) {
            Ok(peer) if self.options.allowed_uids.contains(&peer.uid.as_raw()) => {}
            Ok(peer) => {
                let message = format!("user {} may not use this signer", peer.uid.as_raw());
                return turn_away(stream, Refusal::new(RefusalCode::PeerNotAllowed, message));
            }
            Err(error) => {
                let message = format!("cannot tell who connects: {error}");
                return turn_away(stream, Refusal::new(RefusalCode::PeerNotAllowed, message));
            }
        }
        let Some(place) = self.peers.admit(&stream) else {
            let message = format!("{} connections are open already", self.options.max_connections);
            return turn_away(stream, Refusal::new(RefusalCode::Busy, message));
        };
        let (service, options) = (Arc::clone(&self.service), Arc::clone(&self.options));
        let spawned = thread::Builder::new().name("signer-peer".into()).spawn(move || {
            connection::serve(stream, &service, &options);
            drop(place);
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "cannot start a thread for a connection");
        }
    }
}

/// Best effort: the peer may be gone, or not even be reading.
fn turn_away(mut stream: UnixStream, refusal: Refusal) {
    tracing::warn!(code = %refusal.code, message = refusal.message, "connection turned away");
    let told = stream
        .set_write_timeout(Some(FAREWELL_TIMEOUT))
        .map_err(Into::into)
        .and_then(|()| write_frame(&mut stream, &Response::from(refusal)));
    if let Err(error) = told {
        tracing::debug!(%error, "the peer could not be told");
    }
}

/// Stops a server from any thread, at any time, as often as wanted.
#[derive(Clone, Debug)]
pub struct Stopper {
    listener: Arc<UnixListener>,
    stopping: Arc<AtomicBool>,
}

impl Stopper {
    /// Makes [`Server::serve`] return once running requests have ended.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes a blocked `accept`, which then fails.
        if let Err(error) = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both) {
            tracing::debug!(%error, "the listener was shut down before");
        }
    }
}

/// A server on its own thread; stops when dropped.
#[derive(Debug)]
pub struct Running {
    stopper: Stopper,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// The socket file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stops the server and waits for its end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the signer's thread panicked");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends a connection's reading side, so that its thread finishes what it is doing and leaves.
fn hang_up(stream: &UnixStream) {
    if let Err(error) = stream.shutdown(Shutdown::Read) {
        tracing::debug!(%error, "the peer hung up before");
    }
}

//! The open connections: how many there are, and how they are told to end.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::hang_up;

/// All open connections, up to a limit.
#[derive(Debug)]
pub struct Peers {
    limit: usize,
    open: Mutex<Open>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, UnixStream>,
}

/// A connection's place; given back when dropped, even by a panic.
#[derive(Debug)]
pub struct Place {
    peers: Arc<Peers>,
    number: u64,
}

impl Peers {
    /// No connections yet.
    pub fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default(), left: Condvar::new() }
    }

    /// Takes a place for a connection; `None` when all are taken.
    pub fn admit(self: &Arc<Self>, stream: &UnixStream) -> Option<Place> {
        let mut open = self.lock();
        if open.streams.len() >= self.limit {
            return None;
        }
        let stream = stream.try_clone().ok()?;
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, stream);
        Some(Place { peers: Arc::clone(self), number })
    }

    /// Hangs up on everybody and waits until all have left.
    pub fn close_and_wait(&self) {
        let mut open = self.lock();
        open.streams.values().for_each(hang_up);
        while !open.streams.is_empty() {
            open = self.left.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.peers.lock().streams.remove(&self.number);
        self.peers.left.notify_all();
    }
}

//! The thread that owns the connection: reads are answered at once, changes in order, and while
//! another program holds the database locked the changes wait and the reads go on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::error::StoreError;
use super::open::BUSY;

/// How long one try waits for the lock; a read waits no longer than that for its turn.
const TRY: Duration = Duration::from_millis(25);

/// Requests taken between two tries.
const ROUND: usize = 64;

/// Work on the connection that changes nothing.
pub(super) type Read = Box<dyn FnOnce(&mut Connection) + Send>;
/// Work in a transaction, or the reason why none could be begun.
pub(super) type Write = Box<dyn for<'a> FnOnce(Result<Transaction<'a>, StoreError>) + Send>;

/// Something asked of the store's thread.
pub(super) enum Request {
    /// Needs no lock.
    Read(Read),
    /// Needs the lock.
    Write(Write),
}

/// Since when another program has held the database locked.
#[derive(Debug)]
pub(super) struct LockWatch {
    patience: Duration,
    since: Mutex<Option<Instant>>,
}

impl LockWatch {
    pub(super) const fn new(patience: Duration) -> Self {
        Self { patience, since: Mutex::new(None) }
    }

    /// Whether that is so long that it is trouble.
    pub(super) fn is_long(&self) -> bool {
        self.since.lock().is_some_and(|since| since.elapsed() >= self.patience)
    }

    fn is_locked(&self) -> bool {
        self.since.lock().is_some()
    }

    fn note_locked(&self, asked: Instant) {
        self.since.lock().get_or_insert(asked);
    }

    fn note_free(&self) {
        if let Some(since) = self.since.lock().take() {
            tracing::debug!(waited = ?since.elapsed(), "the store is free again");
        }
    }
}

/// The connection and what waits for its lock.
pub(super) struct Desk {
    connection: Connection,
    waiting: VecDeque<(Write, Instant)>,
    lock: Arc<LockWatch>,
}

impl Desk {
    pub(super) const fn new(connection: Connection, lock: Arc<LockWatch>) -> Self {
        Self { connection, waiting: VecDeque::new(), lock }
    }

    /// Serves until every handle is gone and nothing waits any more.
    pub(super) fn serve(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut open = true;
        while open || !self.waiting.is_empty() {
            if self.waiting.is_empty() && !self.lock.is_locked() {
                match requests.blocking_recv() {
                    Some(request) => self.take(request),
                    None => open = false,
                }
            }
            // What came meanwhile is taken along, but not so much that changes never get a turn.
            for _ in 0..ROUND {
                match requests.try_recv() {
                    Ok(request) => self.take(request),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        open = false;
                        break;
                    }
                }
            }
            if !self.waiting.is_empty() || self.lock.is_locked() {
                self.try_waiting();
            }
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Read(work) => work(&mut self.connection),
            Request::Write(work) => self.waiting.push_back((work, Instant::now())),
        }
    }

    /// Does the waiting changes in order as long as the lock is to be had; gives up those that
    /// have waited too long.
    fn try_waiting(&mut self) {
        loop {
            set_patience(&self.connection, TRY);
            let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let begun = match begun.map_err(StoreError::from) {
                Err(StoreError::Locked) => {
                    let asked = self.waiting.front().map(|(_, asked)| *asked);
                    self.lock.note_locked(asked.unwrap_or_else(Instant::now));
                    break;
                }
                begun => begun,
            };
            self.lock.note_free();
            let Some((work, _)) = self.waiting.pop_front() else { break };
            work(begun);
            if self.waiting.is_empty() {
                break;
            }
        }
        set_patience(&self.connection, BUSY);
        let patience = self.lock.patience;
        while self.waiting.front().is_some_and(|(_, asked)| asked.elapsed() >= patience) {
            if let Some((work, _)) = self.waiting.pop_front() {
                work(Err(StoreError::Locked));
            }
        }
    }
}

/// Sets how long the next statements wait for another program's lock.
fn set_patience(connection: &Connection, patience: Duration) {
    if let Err(error) = connection.busy_timeout(patience) {
        tracing::debug!(%error, "the store's patience stays as it was");
    }
}

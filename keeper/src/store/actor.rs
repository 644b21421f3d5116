//! The thread that owns the connection, and the handle through which it is asked.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::error::StoreError;
use super::open::{self, Identity};

/// Requests that may wait; further callers wait for a place.
const INBOX: usize = 256;
/// Changes that a slow listener may lag behind before it must query again.
const CHANGES: usize = 1024;

type Request = Box<dyn FnOnce(&mut Connection) + Send>;

/// Something about a job changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The job.
    pub job: u64,
    /// Whether it moved, or its input came; else only its log grew.
    pub moved: bool,
}

/// Handle to the store.
#[derive(Clone, Debug)]
pub struct Store {
    inbox: mpsc::Sender<Request>,
    changes: broadcast::Sender<Change>,
}

impl Store {
    /// Opens, locks and migrates the database at `path`, creating it if need be.
    ///
    /// # Errors
    /// When it is in use, damaged, too new, or the disk refuses.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (inbox, mut requests) = mpsc::channel::<Request>(INBOX);
        let (opened, ready) = oneshot::channel();
        let path = path.to_owned();
        let refused = path.clone();
        let thread = move || {
            let (mut connection, _lock) = match open::open(&path) {
                Ok(open) => open,
                Err(error) => {
                    // The opener waits for just this; if it is gone, nobody cares.
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            while let Some(request) = requests.blocking_recv() {
                request(&mut connection);
            }
        };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(thread)
            .map_err(|error| StoreError::Open { path: refused, reason: error.to_string() })?;
        ready.await.map_err(|_| StoreError::Closed)??;
        Ok(Self { inbox, changes: broadcast::Sender::new(CHANGES) })
    }

    /// Says whose store this is.
    ///
    /// # Errors
    /// When it was made for another deployment.
    pub async fn claim(&self, identity: Identity) -> Result<(), StoreError> {
        self.call(move |connection| open::claim(connection, &identity)).await
    }

    /// Waits until everything asked before is on the disk, and folds the log into the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.call(|connection| {
            // A reader in another process may keep the log alive; all is durable anyway.
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
        })
        .await
    }

    /// Tells of every change of any job from now on. After a lag, query again.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Runs `work` on the store's thread.
    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let request: Request = Box::new(move |connection| {
            // A caller that went away needs no answer; the work is done all the same.
            let _ = reply.send(work(connection));
        });
        self.inbox.send(request).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` in one exclusive transaction; commits unless it fails, then announces the
    /// jobs that it changed.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &mut Vec<u64>) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_and_tell(true, work).await
    }

    /// As [`Self::write`]; `moved` goes into the announcements.
    pub(super) async fn write_and_tell<T, F>(&self, moved: bool, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &mut Vec<u64>) -> Result<T, StoreError> + Send + 'static,
    {
        let changes = self.changes.clone();
        self.call(move |connection| {
            let mut changed = Vec::new();
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&tx, &mut changed)?;
            tx.commit()?;
            changed.dedup();
            for job in changed {
                // Nobody listening is fine.
                let _ = changes.send(Change { job, moved });
            }
            Ok(value)
        })
        .await
    }
}

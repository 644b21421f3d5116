//! The handle through which the store is asked, and the announcements of what changed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, Transaction};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::desk::{Desk, LockWatch, Request};
use super::error::StoreError;
use super::open::{self, Identity};

/// Requests that may wait; further callers wait for a place.
const INBOX: usize = 256;
/// Changes that a slow listener may lag behind before it must query again.
const CHANGES: usize = 1024;
/// How long a change waits while another program holds the database locked. A backup or a shell
/// takes seconds; what takes longer is trouble.
const PATIENCE: Duration = Duration::from_secs(30);

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
    lock: Arc<LockWatch>,
    /// Whether the disk was full at the last change.
    full: Arc<AtomicBool>,
}

impl Store {
    /// Opens, locks and migrates the database at `path`, creating it if need be.
    ///
    /// # Errors
    /// When it is in use, damaged, too new, or the disk refuses.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_patient(path, PATIENCE).await
    }

    /// Opens it as [`Self::open`] does; changes wait for `patience` while another program holds
    /// the database locked.
    pub(super) async fn open_patient(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let (inbox, requests) = mpsc::channel::<Request>(INBOX);
        let (opened, ready) = oneshot::channel();
        let path = path.to_owned();
        let refused = path.clone();
        let lock = Arc::new(LockWatch::new(patience));
        let watch = lock.clone();
        let thread = move || {
            let (connection, _lock) = match open::open(&path) {
                Ok(open) => open,
                Err(error) => {
                    // The opener waits for just this; if it is gone, nobody cares.
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            Desk::new(connection, watch).serve(requests);
        };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(thread)
            .map_err(|error| StoreError::Open { path: refused, reason: error.to_string() })?;
        ready.await.map_err(|_| StoreError::Closed)??;
        Ok(Self { inbox, changes: broadcast::Sender::new(CHANGES), lock, full: Arc::default() })
    }

    /// Says whose store this is.
    ///
    /// # Errors
    /// When it was made for another deployment.
    pub async fn claim(&self, identity: Identity) -> Result<(), StoreError> {
        self.write(move |tx, _| open::claim(tx, &identity)).await
    }

    /// Tells what keeps changes from being stored although reads are answered: the disk was full
    /// at the last one, or another program has held the database locked for long.
    pub fn trouble(&self) -> Option<StoreError> {
        if self.lock.is_long() {
            return Some(StoreError::Locked);
        }
        self.full.load(Ordering::Relaxed).then_some(StoreError::Full)
    }

    /// Writes something that changes nothing, to see whether the trouble is over.
    ///
    /// # Errors
    /// When it is not.
    pub async fn try_write(&self) -> Result<(), StoreError> {
        self.write(|tx, _| {
            let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok(tx.pragma_update(None, "user_version", version)?)
        })
        .await
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
        let request = Request::Read(Box::new(move |connection| {
            // A caller that went away needs no answer; the work is done all the same.
            let _ = reply.send(work(connection));
        }));
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
        let (changes, full) = (self.changes.clone(), self.full.clone());
        let (reply, answer) = oneshot::channel();
        let request = Request::Write(Box::new(move |begun| {
            let mut changed = Vec::new();
            let done = begun.and_then(|tx| {
                let value = work(&tx, &mut changed)?;
                tx.commit()?;
                Ok(value)
            });
            match done {
                Ok(_) => full.store(false, Ordering::Relaxed),
                Err(StoreError::Full) => full.store(true, Ordering::Relaxed),
                Err(_) => {}
            }
            if done.is_ok() {
                changed.dedup();
                for job in changed {
                    // Nobody listening is fine.
                    let _ = changes.send(Change { job, moved });
                }
            }
            // A caller that went away needs no answer; the work is done all the same.
            let _ = reply.send(done);
        }));
        self.inbox.send(request).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

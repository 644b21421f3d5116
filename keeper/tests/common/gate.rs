//! A gate that a test closes for the next message of a kind, to stop a conversation there.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Where a message is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before it is handed on: the other side never hears of it.
    Request,
    /// After the other side has answered: the answer is kept back.
    Answer,
}

/// Stops the first matching message and every later one, until opened.
#[derive(Clone, Default)]
pub struct Gate {
    closed: Arc<Mutex<Option<(String, Place)>>>,
    reached: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// Closes the gate for messages that contain `text`.
    pub fn close(&self, text: &str, place: Place) {
        *self.closed.lock() = Some((text.to_owned(), place));
    }

    /// Opens it again; what waited goes on.
    pub fn open(&self) {
        *self.closed.lock() = None;
        self.opened.notify_waiters();
    }

    /// Waits until a message stands before the closed gate.
    pub async fn reached(&self) {
        let waited = tokio::time::timeout(super::wait::SOON, self.reached.notified()).await;
        assert!(waited.is_ok(), "no message came to the gate in time");
    }

    /// Called by a proxy with each message.
    pub async fn pass(&self, message: &str, here: Place) {
        loop {
            let opened = self.opened.notified();
            let stopped = matches!(
                &*self.closed.lock(),
                Some((text, place)) if *place == here && message.contains(text)
            );
            if !stopped {
                return;
            }
            self.reached.notify_one();
            opened.await;
        }
    }
}

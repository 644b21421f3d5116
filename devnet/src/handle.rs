//! The chain's thread, and the handle by which everything else reaches it.

use crate::chain::{Chain, ChainEvent};
use crate::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, mpsc, oneshot};

/// Requests that may wait for the chain's thread.
const QUEUE: usize = 1_024;
/// Stack of the chain's thread. Contract calls nest up to 1024 deep.
const STACK: usize = 64 * 1024 * 1024;

type Work = Box<dyn FnOnce(&mut Chain) + Send>;

enum Message {
    Work(Work),
    Stop,
}

/// Reaches the chain from any task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    events: broadcast::Sender<ChainEvent>,
}

impl Handle {
    /// Moves a chain to its own thread.
    pub fn start(mut chain: Chain) -> Result<(Self, JoinHandle<()>), Error> {
        let (messages, mut inbox) = mpsc::channel(QUEUE);
        let events = chain.events().clone();
        let thread = std::thread::Builder::new()
            .name("chain".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                while let Some(Message::Work(work)) = inbox.blocking_recv() {
                    if catch_unwind(AssertUnwindSafe(|| work(&mut chain))).is_err() {
                        tracing::error!("a request made the chain's thread panic; it goes on");
                    }
                }
            })
            .map_err(Error::Thread)?;
        Ok((Self { messages, events }, thread))
    }

    /// Runs something on the chain's thread, after everything that was asked before.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Chain) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |chain| {
            // The asker may have gone away in the meantime.
            let _ = reply.send(work(chain));
        });
        self.messages.send(Message::Work(work)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)
    }

    /// Listens to what happens to the chain from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<ChainEvent> {
        self.events.subscribe()
    }

    /// Ends the chain's thread once it has done what waits.
    pub async fn stop(&self) {
        // If the thread is gone already there is nothing to stop.
        let _ = self.messages.send(Message::Stop).await;
    }
}

//! What every phase works with.

use std::collections::HashMap;
use std::sync::Arc;

use alloy::primitives::Address;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::chain::{Chain, Heads};
use crate::config::Config;
use crate::health::HealthBoard;
use crate::sandbox::Sandbox;
use crate::settle::StartBook;
use crate::signer_client::SignerClient;
use crate::store::{JobRow, Store};
use crate::waits::WaitBoard;

/// What every phase works with. Clones share everything.
#[derive(Clone)]
pub struct Context {
    /// The configuration.
    pub config: Arc<Config>,
    /// The node.
    pub chain: Chain,
    /// The jobs.
    pub store: Store,
    /// The signer.
    pub signer: Arc<SignerClient>,
    /// Whose key sends bundles.
    pub bundler: Address,
    /// The engine.
    pub sandbox: Sandbox,
    /// How things are.
    pub health: HealthBoard,
    /// The jobs that wait, and on what.
    pub waits: WaitBoard,
    /// The newest blocks.
    pub heads: Heads,
    /// Places for runs.
    pub places: Arc<Semaphore>,
    /// Places taken for runs that were begun in this life of the process.
    pub begun: Arc<Mutex<HashMap<u64, OwnedSemaphorePermit>>>,
    /// Turns for phases that ask the node, so that many jobs do not flood it at once.
    pub turns: Arc<Semaphore>,
    /// What the programs of a settlement cost to start.
    pub(crate) starts: Arc<StartBook>,
    /// Rung when there is something to bundle or to watch.
    pub bell: Arc<Notify>,
    /// Ends the waiting for new work; what runs goes on.
    pub drain: CancellationToken,
}

impl Context {
    /// Waits for a turn to ask the node.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // A closed semaphore means that the keeper ends: what follows will notice.
        self.turns.clone().acquire_owned().await.ok()
    }

    /// The name under which a job's containers run; the sandbox adds keeper and deployment.
    pub fn container_job(&self, row: &JobRow) -> String {
        row.id.to_string()
    }
}

//! The dispatcher: whatever the outbox says is owed gets a task, whatever is not loses it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::job::Effect;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::drive;
use crate::health::Part;
use crate::store::{Change, Owed, StoreError};

/// How often the outbox is read although nothing was announced.
const SWEEP: Duration = Duration::from_secs(5);

/// Serves the outbox until drained: then no new work begins, running agents get the grace
/// period, and the rest is left for the next start.
pub async fn serve(context: Context) {
    let mut desk = Desk { tasks: JoinSet::new(), at_work: HashMap::new(), context };
    let mut changes = desk.context.store.changes();
    let mut look = true;
    loop {
        if look && let Err(error) = desk.dispatch().await {
            desk.context.health.fails(Part::Store, &error);
        }
        look = tokio::select! {
            () = desk.context.drain.cancelled() => break,
            moved = moved(&mut changes) => moved,
            Some(ended) = desk.tasks.join_next_with_id(), if !desk.tasks.is_empty() => {
                desk.ended(ended);
                true
            }
            () = tokio::time::sleep(SWEEP) => true,
        };
    }
    desk.drain().await;
}

/// Waits for a change and takes all that are there; whether any of them moved a job.
async fn moved(changes: &mut Receiver<Change>) -> bool {
    let mut moved = match changes.recv().await {
        Ok(change) => change.moved,
        // Whatever was missed, the outbox has it.
        Err(RecvError::Lagged(_)) => true,
        // The store goes with the keeper, which is told to drain.
        Err(RecvError::Closed) => std::future::pending().await,
    };
    loop {
        match changes.try_recv() {
            Ok(change) => moved |= change.moved,
            Err(TryRecvError::Lagged(_)) => moved = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return moved,
        }
    }
}

struct Desk {
    tasks: JoinSet<()>,
    at_work: HashMap<Owed, (AbortHandle, CancellationToken)>,
    context: Context,
}

impl Desk {
    /// Brings the tasks in line with the outbox.
    async fn dispatch(&mut self) -> Result<(), StoreError> {
        let outbox = self.context.store.outbox().await?;
        metrics::gauge!("nexus_keeper_outbox").set(outbox.len() as f64);
        let due: HashSet<Owed> = outbox.iter().copied().collect();
        self.context.waits.keep_only(&due.iter().map(|owed| (owed.job, owed.version)).collect());
        for (owed, (_, cancel)) in &self.at_work {
            if !due.contains(owed) {
                cancel.cancel();
            }
        }
        self.free_places(&outbox);
        for owed in outbox {
            // Bundles carry many jobs: their own task looks after both.
            if matches!(owed.effect, Effect::Bundle | Effect::Watch) {
                self.context.bell.notify_one();
            } else if !self.at_work.contains_key(&owed) {
                let cancel = CancellationToken::new();
                let work = drive::drive(self.context.clone(), owed, cancel.clone());
                let task = self.tasks.spawn(work);
                self.at_work.insert(owed, (task, cancel));
            }
        }
        Ok(())
    }

    /// Places of runs that were begun and overtaken by the chain before they ran.
    fn free_places(&self, outbox: &[Owed]) {
        let runs = |owed: &&Owed| matches!(owed.effect, Effect::Start | Effect::Run);
        let jobs: HashSet<u64> = outbox.iter().filter(runs).map(|owed| owed.job).collect();
        self.context.begun.lock().retain(|job, _| jobs.contains(job));
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a phase broke off; it will be done again");
                error.id()
            }
        };
        self.at_work.retain(|_, (task, _)| task.id() != id);
    }

    /// Waits for running agents, then lets go of everything.
    async fn drain(&mut self) {
        let grace = Duration::from_secs(self.context.config.shutdown.grace_seconds);
        let waiting = self.at_work.keys().filter(|owed| owed.effect == Effect::Run).count();
        if waiting > 0 {
            tracing::info!(agents = waiting, ?grace, "waiting for running agents");
        }
        let finish = async {
            while self.at_work.keys().any(|owed| owed.effect == Effect::Run) {
                match self.tasks.join_next_with_id().await {
                    Some(ended) => self.ended(ended),
                    None => break,
                }
            }
        };
        if tokio::time::timeout(grace, finish).await.is_err() {
            tracing::warn!(
                "agents still run after the grace period: the next start takes them over"
            );
        }
        // Agents that have their whole input are left where they are, all others are removed.
        self.context.sandbox.leave();
        self.tasks.shutdown().await;
    }
}

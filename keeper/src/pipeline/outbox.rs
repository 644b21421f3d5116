//! The dispatcher: whatever the outbox says is owed gets a task, whatever is not loses it.

use std::collections::HashMap;
use std::time::Duration;

use domain::job::Effect;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::drive;
use crate::health::Part;
use crate::store::{Owed, StoreError};

/// How often the outbox is read although nothing was announced.
const SWEEP: Duration = Duration::from_secs(5);

/// Serves the outbox until drained: then no new work begins, running agents get the grace
/// period, and the rest is left for the next start.
pub async fn serve(context: Context) {
    let mut desk = Desk { tasks: JoinSet::new(), at_work: HashMap::new(), context };
    let mut changes = desk.context.store.changes();
    loop {
        if let Err(error) = desk.dispatch().await {
            desk.context.health.fails(Part::Store, &error);
        }
        tokio::select! {
            () = desk.context.drain.cancelled() => break,
            changed = changes.recv() => match changed {
                Err(RecvError::Closed) => break,
                // Whatever was missed, the outbox has it.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            },
            Some(ended) = desk.tasks.join_next_with_id(), if !desk.tasks.is_empty() => {
                desk.ended(ended);
            }
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
    desk.drain().await;
}

struct Desk {
    tasks: JoinSet<()>,
    at_work: HashMap<Owed, (Id, CancellationToken)>,
    context: Context,
}

impl Desk {
    /// Brings the tasks in line with the outbox.
    async fn dispatch(&mut self) -> Result<(), StoreError> {
        let outbox = self.context.store.outbox().await?;
        metrics::gauge!("nexus_keeper_outbox").set(outbox.len() as f64);
        for (owed, (_, cancel)) in &self.at_work {
            if !outbox.contains(owed) {
                cancel.cancel();
            }
        }
        for owed in outbox {
            // Bundles carry many jobs: their own task looks after both.
            if matches!(owed.effect, Effect::Bundle | Effect::Watch) {
                self.context.bell.notify_one();
            } else if !self.at_work.contains_key(&owed) {
                let cancel = CancellationToken::new();
                let work = drive::drive(self.context.clone(), owed, cancel.clone());
                let id = self.tasks.spawn(work).id();
                self.at_work.insert(owed, (id, cancel));
            }
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a phase broke off; it will be done again");
                error.id()
            }
        };
        self.at_work.retain(|_, (task, _)| *task != id);
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
            tracing::warn!("agents still run after the grace period: they run again next time");
        }
        self.tasks.shutdown().await;
    }
}

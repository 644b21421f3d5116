//! The dispatcher: whatever the outbox says is owed gets a task, whatever is not loses it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::job::Effect;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::MissedTickBehavior;
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
    let mut desk = Desk::new(context);
    let mut changes = desk.context.store.changes();
    let mut news = News::Everything;
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let missed = desk.dispatch(&news).await.inspect_err(|error| {
            desk.context.health.fails(Part::Store, error);
        });
        news = tokio::select! {
            () = desk.context.drain.cancelled() => break,
            news = gather(&mut changes) => news,
            Some(ended) = desk.tasks.join_next_with_id(), if !desk.tasks.is_empty() => {
                News::of(desk.ended(ended))
            }
            _ = sweep.tick() => News::Everything,
        };
        if missed.is_err() {
            news = News::Everything;
        }
    }
    desk.drain().await;
}

/// The jobs whose owed work may have changed.
#[derive(Debug)]
enum News {
    /// All of them: whatever was missed, the outbox has it.
    Everything,
    /// These.
    Of(BTreeSet<u64>),
}

impl News {
    fn of(jobs: impl IntoIterator<Item = u64>) -> Self {
        Self::Of(jobs.into_iter().collect())
    }
}

/// Waits for a change and takes all that are there.
async fn gather(changes: &mut Receiver<Change>) -> News {
    let mut jobs = BTreeSet::new();
    let take = |jobs: &mut BTreeSet<u64>, change: Change| {
        if change.moved {
            jobs.insert(change.job);
        }
    };
    match changes.recv().await {
        Ok(change) => take(&mut jobs, change),
        Err(RecvError::Lagged(_)) => return News::Everything,
        // The store goes with the keeper, which is told to drain.
        Err(RecvError::Closed) => return std::future::pending().await,
    }
    loop {
        match changes.try_recv() {
            Ok(change) => take(&mut jobs, change),
            Err(TryRecvError::Lagged(_)) => return News::Everything,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return News::Of(jobs),
        }
    }
}

/// A phase at work.
struct Task {
    owed: Owed,
    handle: AbortHandle,
    cancel: CancellationToken,
}

struct Desk {
    tasks: JoinSet<()>,
    /// By job; a cancelled phase may still end while the job's next one is at work.
    at_work: HashMap<u64, Vec<Task>>,
    jobs: HashMap<Id, u64>,
    /// What the outbox holds, as far as read.
    due: HashMap<u64, Vec<Owed>>,
    context: Context,
}

impl Desk {
    fn new(context: Context) -> Self {
        let (at_work, jobs, due) = Default::default();
        Self { tasks: JoinSet::new(), at_work, jobs, due, context }
    }

    /// Brings the tasks in line with the outbox, as far as it may have changed.
    async fn dispatch(&mut self, news: &News) -> Result<(), StoreError> {
        let (jobs, outbox) = match news {
            News::Of(jobs) if jobs.is_empty() => return Ok(()),
            News::Of(jobs) => {
                let outbox = self.context.store.owed_by(jobs.iter().copied().collect()).await?;
                (jobs.clone(), outbox)
            }
            News::Everything => {
                let outbox = self.context.store.outbox().await?;
                let owing = outbox.iter().map(|owed| (owed.job, owed.version)).collect();
                self.context.waits.keep_only(&owing);
                let known = self.due.keys().chain(self.at_work.keys()).copied();
                (known.chain(outbox.iter().map(|owed| owed.job)).collect(), outbox)
            }
        };
        for job in &jobs {
            self.due.remove(job);
        }
        for owed in outbox {
            self.due.entry(owed.job).or_default().push(owed);
        }
        metrics::gauge!("nexus_keeper_outbox").set(self.due.len() as f64);
        for job in jobs {
            self.bring_in_line(job);
        }
        self.free_places();
        Ok(())
    }

    /// Cancels what a job owes no longer, and begins what it owes now.
    fn bring_in_line(&mut self, job: u64) {
        let due = self.due.get(&job).map(Vec::as_slice).unwrap_or_default();
        self.context.waits.keep_at(job, due.first().map(|owed| owed.version));
        let at_work = self.at_work.get(&job).map(Vec::as_slice).unwrap_or_default();
        for task in at_work.iter().filter(|task| !due.contains(&task.owed)) {
            task.cancel.cancel();
        }
        let mut begun = Vec::new();
        for owed in due {
            // Bundles carry many jobs: their own task looks after both.
            if matches!(owed.effect, Effect::Bundle | Effect::Watch) {
                self.context.bell.notify_one();
            } else if !at_work.iter().any(|task| task.owed == *owed) {
                let cancel = CancellationToken::new();
                let work = drive::drive(self.context.clone(), *owed, cancel.clone());
                let handle = self.tasks.spawn(work);
                self.jobs.insert(handle.id(), job);
                begun.push(Task { owed: *owed, handle, cancel });
            }
        }
        if !begun.is_empty() {
            self.at_work.entry(job).or_default().extend(begun);
        }
    }

    /// Places of runs that were begun and overtaken by the chain before they ran.
    fn free_places(&self) {
        let runs = |owed: &Owed| matches!(owed.effect, Effect::Start | Effect::Run);
        let due = |job: &u64| self.due.get(job).is_some_and(|owed| owed.iter().any(runs));
        self.context.begun.lock().retain(|job, _| due(job));
    }

    /// Notes that a phase ended; gives its job.
    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) -> Option<u64> {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a phase broke off; it will be done again");
                error.id()
            }
        };
        let job = self.jobs.remove(&id)?;
        if let Some(tasks) = self.at_work.get_mut(&job) {
            tasks.retain(|task| task.handle.id() != id);
            if tasks.is_empty() {
                self.at_work.remove(&job);
            }
        }
        Some(job)
    }

    fn running(&self) -> usize {
        let tasks = self.at_work.values().flatten();
        tasks.filter(|task| task.owed.effect == Effect::Run).count()
    }

    /// Waits for running agents, then lets go of everything.
    async fn drain(&mut self) {
        let grace = Duration::from_secs(self.context.config.shutdown.grace_seconds);
        let waiting = self.running();
        if waiting > 0 {
            tracing::info!(agents = waiting, ?grace, "waiting for running agents");
        }
        let finish = async {
            while self.running() > 0 {
                match self.tasks.join_next_with_id().await {
                    Some(ended) => drop(self.ended(ended)),
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

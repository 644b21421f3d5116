//! How the keeper's surroundings are: for `/healthz`, metrics and the log.

use serde::Serialize;
use tokio::sync::watch;

/// Whether one thing that the keeper needs works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Whether it answered when last asked.
    pub ok: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The parts of [`Health`] that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The node.
    Chain,
    /// The Docker engine.
    Docker,
    /// The signer.
    Signer,
    /// The store's disk.
    Store,
}

/// Everything that the keeper needs, and how far it has read the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The node.
    pub chain: Component,
    /// The Docker engine.
    pub docker: Component,
    /// The signer.
    pub signer: Component,
    /// The store's disk.
    pub store: Component,
    /// Newest block seen.
    pub head: u64,
    /// Newest block taken in.
    pub cursor: u64,
}

impl Health {
    /// Whether everything works.
    pub const fn ok(&self) -> bool {
        self.chain.ok && self.docker.ok && self.signer.ok && self.store.ok
    }

    const fn part(&mut self, part: Part) -> &mut Component {
        match part {
            Part::Chain => &mut self.chain,
            Part::Docker => &mut self.docker,
            Part::Signer => &mut self.signer,
            Part::Store => &mut self.store,
        }
    }
}

/// Where the keeper's tasks write how things are.
#[derive(Clone, Debug)]
pub struct HealthBoard(watch::Sender<Health>);

impl Default for HealthBoard {
    fn default() -> Self {
        Self(watch::Sender::new(Health::default()))
    }
}

impl HealthBoard {
    /// For those who read it.
    pub fn subscribe(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }

    /// Notes that a part works; logs a recovery once.
    pub fn works(&self, part: Part) {
        self.note(part, None);
    }

    /// Notes that a part fails; logs the first of a row of failures.
    pub fn fails(&self, part: Part, problem: &dyn std::fmt::Display) {
        self.note(part, Some(problem.to_string()));
    }

    fn note(&self, part: Part, problem: Option<String>) {
        let name = format!("{part:?}").to_lowercase();
        metrics::gauge!("nexus_keeper_up", "part" => name.clone()).set(if problem.is_none() {
            1.0
        } else {
            0.0
        });
        self.0.send_if_modified(|health| {
            let component = health.part(part);
            let was = (component.ok, component.problem.is_some());
            match &problem {
                None if was.1 => tracing::info!(part = name, "works again"),
                Some(problem) if !was.1 => tracing::warn!(part = name, problem, "does not work"),
                _ => {}
            }
            let next = Component { ok: problem.is_none(), problem };
            let modified = *component != next;
            *component = next;
            modified
        });
    }

    /// Notes how far the chain is seen and taken in.
    pub fn at(&self, head: u64, cursor: u64) {
        metrics::gauge!("nexus_keeper_head_block").set(head as f64);
        metrics::gauge!("nexus_keeper_cursor_block").set(cursor as f64);
        self.0.send_if_modified(|health| {
            let modified = (health.head, health.cursor) != (head, cursor);
            (health.head, health.cursor) = (head, cursor);
            modified
        });
    }
}

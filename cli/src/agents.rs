//! Agents as the chain lists them: listing and manifest, checked against each other.

use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::Log,
    sol_types::SolEvent as _,
};
use anyhow::Context as _;
use bindings::AgentRegistry::Listed;
use domain::{
    hash::manifest_hash,
    ids::{AgentId, ImageDigest},
    manifest::Manifest,
};
use serde::Serialize;

use crate::{
    chain::{Chain, explain},
    failure::Failure,
    logs,
    money::Wei,
    output::{Report, fields, table},
};

/// A listed agent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its number.
    pub agent_id: AgentId,
    /// Current version of its listing.
    pub version: u32,
    /// False when its publisher has withdrawn it.
    pub listed: bool,
    /// Who published it.
    pub publisher: Address,
    /// Who is paid.
    pub payee: Address,
    /// Price of a run.
    pub price: Wei,
    /// Seconds that a run may take, before the settlement window.
    pub max_seconds: u32,
    /// The image that runs.
    pub image: ImageDigest,
    /// Hash of the manifest.
    pub manifest_hash: B256,
    /// What it takes, gives and may use.
    pub manifest: Manifest,
}

/// Reads the current listing of an agent and its manifest.
pub async fn read(chain: &Chain, id: AgentId) -> anyhow::Result<Agent> {
    let raw = chain.registry().agentOf(id.0).call().await;
    let raw = raw.map_err(|error| explain(&error, &format!("reading agent {id}")))?;
    if raw.version == 0 {
        return Err(Failure::Refused(format!(
            "there is no agent {id}; `nexus agent list` shows what is for sale"
        ))
        .into());
    }
    let manifest = manifest(chain, id, raw.version, raw.manifestHash).await?;
    Ok(Agent {
        agent_id: id,
        version: raw.version,
        listed: raw.listed,
        publisher: raw.publisher,
        payee: raw.listing.payee,
        price: raw.listing.price.into(),
        max_seconds: raw.listing.maxSeconds,
        image: ImageDigest(raw.listing.imageDigest),
        manifest_hash: raw.manifestHash,
        manifest,
    })
}

// The manifest's bytes are in the event of the listing; its hash is in storage.
async fn manifest(
    chain: &Chain,
    id: AgentId,
    version: u32,
    hash: B256,
) -> anyhow::Result<Manifest> {
    let filter = chain.registry().Listed_filter().topic1(id.0).topic2(U256::from(version)).filter;
    let decoded = |log: &Log| Listed::decode_log(&log.inner).ok().map(|log| log.data.manifest);
    let what = format!("reading the manifest of agent {id} version {version}");
    let log = logs::find(chain, &filter, &what, |log| {
        decoded(log).is_some_and(|bytes| manifest_hash(&bytes) == hash)
    })
    .await?;
    let bytes = decoded(&log).context("a log that was decoded before")?;
    Manifest::parse(&bytes).map_err(|error| {
        Failure::Refused(format!("agent {id} version {version} cannot be bought: {error}")).into()
    })
}

/// Reads all agents; those that cannot be read are named by `skipped`.
pub async fn all(
    chain: &Chain,
    mut skipped: impl FnMut(AgentId, anyhow::Error),
) -> anyhow::Result<Vec<Agent>> {
    let count = chain.registry().agentCount().call().await;
    let count = count.map_err(|error| explain(&error, "reading the number of agents"))?;
    let count: u64 = count.try_into().context("more agents than this program can count")?;
    let mut agents = Vec::new();
    for id in 1..=count {
        match read(chain, id.into()).await {
            Ok(agent) => agents.push(agent),
            Err(error) => skipped(id.into(), error),
        }
    }
    Ok(agents)
}

impl Report for Agent {
    fn human(&self) -> String {
        let m = &self.manifest;
        fields(&[
            ("agent", self.agent_id.to_string()),
            ("name", format!("{} {}", m.name, m.version)),
            ("about", m.description.clone()),
            (
                "listing",
                format!("version {}{}", self.version, if self.listed { "" } else { ", unlisted" }),
            ),
            ("price", self.price.to_string()),
            ("publisher", self.publisher.to_string()),
            ("payee", self.payee.to_string()),
            ("image", self.image.to_string()),
            (
                "input",
                format!(
                    "{}, {} to {} bytes",
                    m.input.media_type, m.input.min_bytes, m.input.max_bytes
                ),
            ),
            (
                "output",
                format!("{:?}, at most {} bytes", m.output.kind, m.output.max_bytes).to_lowercase(),
            ),
            (
                "limits",
                format!(
                    "{} s, {} MiB memory, {} milli-CPU, {} processes",
                    m.limits.seconds,
                    m.limits.memory_bytes >> 20,
                    m.limits.cpu_millis,
                    m.limits.pids
                ),
            ),
            ("manifest hash", self.manifest_hash.to_string()),
        ])
    }
}

/// A list of agents.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct AgentTable(pub Vec<Agent>);

impl Report for AgentTable {
    fn human(&self) -> String {
        if self.0.is_empty() {
            return "No agents are listed. Publish one with `nexus agent publish`.".to_owned();
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|agent| {
                vec![
                    agent.agent_id.to_string(),
                    agent.manifest.name.clone(),
                    agent.manifest.version.clone(),
                    agent.price.to_string(),
                    if agent.listed { "yes".to_owned() } else { "no".to_owned() },
                    agent.manifest.description.lines().next().unwrap_or_default().to_owned(),
                ]
            })
            .collect();
        table(&["id", "name", "version", "price", "for sale", "about"], &[0, 3], &rows)
    }
}

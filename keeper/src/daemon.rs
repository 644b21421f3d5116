//! The keeper as a whole: its tasks, how they begin and in which order they end.

use std::net::SocketAddr;

use alloy::primitives::Address;
use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState};
use crate::boot;
use crate::chain;
use crate::config::Config;
use crate::health::{Health, HealthBoard};
use crate::pipeline::{self, Context};
use crate::probe;
use crate::settle;
use crate::store::Store;
use crate::telemetry;

/// Which deployment a keeper serves, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The keeper's own version.
    pub version: &'static str,
    /// The chain.
    pub chain_id: u64,
    /// The AgentRegistry.
    pub registry: Address,
    /// The EntryPoint.
    pub entry_point: Address,
    /// The keeper's smart account.
    pub account: Address,
    /// Owns the account and signs receipts.
    pub owner: Address,
    /// Sends bundles.
    pub bundler: Address,
}

/// A running keeper. Dropping it stops it without grace.
#[derive(Debug)]
pub struct Keeper {
    api_addr: SocketAddr,
    info: Info,
    store: Store,
    health: watch::Receiver<Health>,
    main: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Keeper {
    /// Starts a keeper and returns once its API listens. While the node, the signer or the
    /// disk does not answer, it waits for them; `shutdown` drains and ends it.
    ///
    /// # Errors
    /// When the configuration, the chain, the account or the store is the wrong one, or the
    /// API's address is taken.
    pub async fn start(config: Config, shutdown: CancellationToken) -> anyhow::Result<Self> {
        config.validate()?;
        let metrics = telemetry::recorder()?;
        let health = HealthBoard::default();
        let heads = chain::HeadBoard::new(None);
        let drain = shutdown.clone();
        let booted = tokio::select! {
            booted = boot::boot(config, &health, &heads, drain) => booted?,
            () = shutdown.cancelled() => anyhow::bail!("stopped before it had started"),
        };
        let (context, info) = (booted.context, booted.info);
        let listen = context.config.api.listen;
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("api.listen = {listen}"))?;
        let api_addr = listener.local_addr().context("reading the API's address")?;
        let state = ApiState {
            store: context.store.clone(),
            health: health.subscribe(),
            waits: context.waits.clone(),
            metrics,
            info: info.clone(),
            max_input_bytes: context.config.api.max_input_bytes,
            result_after: context.config.api.result_after,
        };
        let (store, stop) = (context.store.clone(), CancellationToken::new());
        let seen = health.subscribe();
        let tasks = Tasks { context, heads, health, stop: stop.clone() };
        let main = tokio::spawn(tasks.run(listener, state));
        tracing::info!(api = %api_addr, account = %info.account, "keeper is ready");
        Ok(Self { api_addr, info, store, health: seen, main, stop })
    }

    /// Where the API listens.
    pub const fn api_addr(&self) -> SocketAddr {
        self.api_addr
    }

    /// Which deployment it serves, and as whom.
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// The jobs.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// How things are.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Waits until the keeper has ended, which it does when its shutdown token is cancelled.
    ///
    /// # Errors
    /// When one of its tasks failed.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        (&mut self.main).await.context("the keeper broke off")?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.cancel();
        self.main.abort();
    }
}

struct Tasks {
    context: Context,
    heads: chain::HeadBoard,
    health: HealthBoard,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs everything; the outbox ends first, after its grace period, then the rest.
    async fn run(self, listener: TcpListener, state: ApiState) -> anyhow::Result<()> {
        let Self { context, heads, health, stop } = self;
        let (store, sandbox) = (context.store.clone(), context.sandbox.clone());
        let watching =
            chain::watch(context.chain.clone(), store.clone(), heads, health, stop.clone());
        let bundling = settle::bundle(context.clone(), stop.clone());
        let probing = probe::probe(context.clone(), stop.clone());
        let api = api::serve(listener, state, stop.clone());
        let outbox = async {
            pipeline::serve(context).await;
            sandbox.settled().await;
            stop.cancel();
        };
        let api = async {
            let served = api.await.context("serving the API");
            if served.is_err() {
                stop.cancel();
            }
            served
        };
        let (served, (), (), (), ()) = tokio::join!(api, outbox, watching, bundling, probing);
        match store.flush().await {
            // All is durable in the log beside the database, which the next start reads.
            Err(error) if error.is_retryable() => tracing::warn!(%error, "the store is not folded"),
            flushed => flushed.context("closing the store")?,
        }
        tracing::info!("keeper has ended");
        served
    }
}

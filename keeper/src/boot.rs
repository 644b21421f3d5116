//! Before anything runs: the right chain, the right account, the right store.

use std::sync::Arc;
use std::time::Duration;

use alloy::hex;
use alloy::primitives::{Address, B256};
use anyhow::Context as _;
use domain::job::{Event, Kind};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::{Chain, ChainError, HeadBoard, Heads};
use crate::config::Config;
use crate::daemon::Info;
use crate::health::{HealthBoard, Part};
use crate::pipeline::Context;
use crate::sandbox::{DockerConfig, Sandbox};
use crate::signer_client::{SignerClient, SignerInfo};
use crate::store::{Commit, Identity, Store, StoreError};
use crate::waits::WaitBoard;

/// Jobs that may ask the node at the same time.
const TURNS: usize = 16;

/// Times that the node must give an answer that ends the keeper before it is believed.
const WRONG: u32 = 5;

/// Everything that the keeper's tasks need.
pub(crate) struct Booted {
    pub(crate) context: Context,
    pub(crate) info: Info,
}

/// Opens, checks and connects everything; waits for what does not answer yet.
pub(crate) async fn boot(
    config: Config,
    health: &HealthBoard,
    heads: &HeadBoard,
    drain: CancellationToken,
) -> anyhow::Result<Booted> {
    let store = patiently(health, || Store::open(&config.store.path)).await?;
    let chain = Chain::new(&config)?;
    let genesis = check_chain(&chain, health).await?;
    let claim = || store.claim(identity(&config, &genesis.to_string()));
    patiently(health, claim).await?;
    let signer = SignerClient::new(
        config.signer.socket.clone(),
        Duration::from_millis(config.signer.timeout_ms),
    );
    let keys = ask_signer(&signer, health).await?;
    check_account(&chain, keys.owner, health).await?;
    patiently(health, || retry_stuck(&store)).await?;

    let mut docker = DockerConfig::new(format!("{:x}", config.account.address));
    docker.deployment = deployment(&config, &genesis);
    docker.socket.clone_from(&config.docker.socket);
    docker.hold = true;
    docker.pull_from.clone_from(&config.docker.pull_from);
    let info = Info {
        version: env!("CARGO_PKG_VERSION"),
        chain_id: config.chain.chain_id,
        registry: config.chain.registry,
        entry_point: config.chain.entry_point,
        account: config.account.address,
        owner: keys.owner,
        bundler: keys.bundler,
    };
    let context = Context {
        places: Arc::new(Semaphore::new(config.docker.max_concurrent)),
        config: Arc::new(config),
        chain,
        store,
        signer: Arc::new(signer),
        bundler: keys.bundler,
        sandbox: Sandbox::connect(docker)?,
        health: health.clone(),
        waits: WaitBoard::default(),
        heads: Heads(heads.subscribe()),
        begun: Arc::default(),
        turns: Arc::new(Semaphore::new(TURNS)),
        starts: Arc::default(),
        bell: Arc::new(Notify::new()),
        drain,
    };
    Ok(Booted { context, info })
}

/// Tells this chain and registry from all others, those with equal addresses too.
fn deployment(config: &Config, genesis: &B256) -> String {
    let genesis = hex::encode(&genesis[..4]);
    format!("{}-{genesis}-{:x}", config.chain.chain_id, config.chain.registry)
}

/// What a store is good for: never for another chain, registry or account.
fn identity(config: &Config, genesis: &str) -> Identity {
    Identity(vec![
        ("chain id", config.chain.chain_id.to_string()),
        ("genesis block", genesis.into()),
        ("registry", config.chain.registry.to_string()),
        ("account", config.account.address.to_string()),
    ])
}

/// Does something with the store, again and again while its disk is full or it is locked.
async fn patiently<T, F>(health: &HealthBoard, work: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut backoff = patience();
    loop {
        match work().await {
            Err(error) if error.is_retryable() => {
                health.fails(Part::Store, &error);
                tokio::time::sleep(backoff.pause()).await;
            }
            done => {
                if done.is_ok() {
                    health.works(Part::Store);
                }
                return done;
            }
        }
    }
}

/// Asks the node until it answers. An answer that would end the keeper is believed only when it
/// comes several times in a row: a node that has just started gives such answers, too.
async fn insist<T, F>(health: &HealthBoard, ask: impl Fn() -> F) -> Result<T, ChainError>
where
    F: Future<Output = Result<T, ChainError>>,
{
    let (mut backoff, mut wrong) = (patience(), 0);
    loop {
        let error = match ask().await {
            Ok(answer) => {
                health.works(Part::Chain);
                return Ok(answer);
            }
            Err(error) => error,
        };
        wrong = if error.is_passing() { 0 } else { wrong + 1 };
        if wrong == WRONG {
            return Err(error);
        }
        health.fails(Part::Chain, &error);
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Waits for the node and checks that it is the right one; gives the hash of its first block.
async fn check_chain(chain: &Chain, health: &HealthBoard) -> Result<B256, ChainError> {
    insist(health, || async {
        let genesis = chain.check().await?;
        // A new store is tied to it for good: one answer is not enough.
        match chain.check().await? {
            again if again == genesis => Ok(genesis),
            again => {
                Err(ChainError::Doubtful(format!("block 0 was {genesis}, then it was {again}")))
            }
        }
    })
    .await
}

async fn ask_signer(signer: &SignerClient, health: &HealthBoard) -> anyhow::Result<SignerInfo> {
    let mut backoff = patience();
    loop {
        match signer.info().await {
            Ok(info) if info.caps.is_some() => {
                health.works(Part::Signer);
                return Ok(info);
            }
            // It would refuse every settlement of this keeper, whose nonce keys it does not know.
            Ok(_) => {
                health.fails(Part::Signer, &"nexus-signer is older than this keeper: update it")
            }
            Err(error) if error.is_retryable() => health.fails(Part::Signer, &error),
            Err(error) => return Err(error).context("asking the signer for its addresses"),
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Checks that the account obeys the signer's key; warns unless it is a keeper of the registry.
async fn check_account(
    chain: &Chain,
    owner: Address,
    health: &HealthBoard,
) -> Result<(), ChainError> {
    let keeper = insist(health, || async {
        chain.check_account(owner).await?;
        chain.is_keeper().await
    });
    if !keeper.await? {
        tracing::warn!(
            account = %chain.account,
            "the account is no keeper of the registry: the first settlement makes its job stuck until its owner adds it and the keeper restarts"
        );
    }
    Ok(())
}

/// A restart is the operator's way to say that the cause is gone.
async fn retry_stuck(store: &Store) -> Result<(), StoreError> {
    for row in store.jobs_in(Kind::Stuck).await? {
        tracing::info!(job = row.id, reason = row.state.stuck_reason(), "tries a stuck job again");
        store.commit(Commit::new(&row, Event::Retried)).await?;
    }
    Ok(())
}

const fn patience() -> Backoff {
    Backoff::new(Duration::from_millis(250), Duration::from_secs(10))
}

//! Bringing a network up, part by part, and taking it down in the opposite order.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use alloy::{primitives::Address, providers::Provider as _, signers::local::PrivateKeySigner};
use anyhow::Context as _;
use devnet::Devnet;

use super::{
    Facts, Network, StackOptions, account,
    children::{self, Programs, Target},
    containers, contracts,
    data_dir::DataDir,
    leftovers::{self, Claim, NETWORKS},
    process::{Process, sibling},
};
use crate::{
    chain::Chain,
    outgoing::Courier,
    output::Output,
    ready::{self, Account, Contracts, ReadyFile, role},
};

/// How long a child may take to end by itself.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// Everything that runs.
#[derive(Debug)]
pub struct Stack {
    network: Network,
    keeper: Process,
    signer: Process,
    devnet: Devnet,
    account: Address,
    _data: DataDir,
    // Dropped last: as long as anything is left, so is the claim.
    _claim: Option<Claim>,
}

impl Stack {
    /// Starts everything and waits until it is healthy.
    pub async fn start(out: Output, options: StackOptions) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let programs =
            Programs { signer: sibling("nexus-signer")?, keeper: sibling("nexus-keeper")? };
        containers::must_answer().await?;
        let networks = ready::state_folder().map(|state| state.join(NETWORKS));
        if let Some(networks) = &networks {
            leftovers::remove(networks, out).await;
        }
        let data = DataDir::open(options.data_dir.as_deref())?;
        let mut claim = claim(networks.as_deref(), &data, &options, out);
        let built = contracts::programs(out, options.root.as_deref()).await?;
        let devnet = chain(out, &options).await?;
        let accounts = accounts(&devnet);
        let protocol = accounts.first().context("the chain has no development accounts")?;
        let protocol = PrivateKeySigner::from_bytes(&protocol.private_key)?;
        let deployed = contracts::deploy(out, &devnet, &built, protocol.clone()).await?;

        let chain = Chain::connect(
            &devnet.rpc_url(),
            deployed.chain_id,
            deployed.contracts.clone(),
            Some(protocol),
            Courier::new(Output::new(false, true), None),
        )
        .await?;
        let operator = children::create_keys(&programs, &data).await?;
        out.component(
            "signer",
            &format!("keys: owner {}, bundler {}", operator.owner, operator.bundler),
        );
        let account = account::create(&chain, operator).await?;
        out.component("keeper", &format!("smart account {account}, funded and registered"));
        if let Some(claim) = &mut claim {
            claim.add_keeper(account)?;
        }

        let target = Target {
            rpc_url: devnet.rpc_url(),
            chain_id: deployed.chain_id,
            contracts: deployed.contracts.clone(),
            account,
        };
        let show = options.show.then_some(out);
        let (signer, socket) = children::start_signer(&programs, &data, &target, show).await?;
        out.component("signer", &format!("answers on {}", socket.display()));
        let port = (socket.as_path(), options.api_port);
        let (keeper, api) = children::start_keeper(&programs, &data, &target, port, show).await?;
        out.component("keeper", &format!("healthy, API at {}", api.base()));

        let contracts = Contracts { keeper_account: Some(account), ..deployed.contracts };
        let facts = Facts {
            chain_id: deployed.chain_id,
            programs: built.sizes,
            entry_point_code_bytes: code_bytes(&chain, contracts.entry_point).await?,
            contracts: contracts.clone(),
            operator,
            setup_seconds: begun.elapsed().as_secs_f64(),
        };
        let ready = ReadyFile {
            rpc_url: devnet.rpc_url(),
            ws_url: devnet.ws_url(),
            api_url: api.base().to_owned(),
            chain_id: deployed.chain_id,
            contracts,
            accounts,
        };
        let network = Network { ready, facts };
        Ok(Self { network, keeper, signer, devnet, account, _data: data, _claim: claim })
    }

    /// What others need to use the network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Waits for a child to fail.
    pub async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.keeper.died() => error,
            error = self.signer.died() => error,
        }
    }

    /// The last lines of the children, for a failure that they may explain.
    pub fn last_lines(&self) -> String {
        format!("{}\n{}", self.keeper.last_lines(), self.signer.last_lines())
    }

    /// Stops the keeper, then what it needs, and removes what it left.
    pub async fn shutdown(self) {
        self.keeper.stop(STOP_GRACE).await;
        // The engine may be gone: then the containers are, or the next network removes none.
        let _ = containers::remove(self.account).await;
        self.signer.stop(STOP_GRACE).await;
        self.devnet.shutdown().await;
    }
}

/// Claims the folder. Without a state folder that can be written, a killed network's leftovers
/// stay: nothing else depends on it.
fn claim(
    networks: Option<&Path>,
    data: &DataDir,
    options: &StackOptions,
    out: Output,
) -> Option<Claim> {
    match Claim::make(networks?, data, options.ready_file.clone()) {
        Ok(claim) => Some(claim),
        Err(error) => {
            out.warn(format!(
                "{} cannot be noted in the state folder ({error:#}): if this network is killed, \
                 nothing removes what it leaves",
                data.path().display()
            ));
            None
        }
    }
}

async fn chain(out: Output, options: &StackOptions) -> anyhow::Result<Devnet> {
    let config = devnet::Config {
        port: options.port,
        block_time: options.block_time,
        // The next start need not compile the contracts again.
        code_cache: devnet::code_cache_folder(),
        ..devnet::Config::default()
    };
    let devnet = Devnet::spawn(config).await.context("starting the chain")?;
    out.component("chain", &format!("{} and {}", devnet.rpc_url(), devnet.ws_url()));
    Ok(devnet)
}

fn accounts(devnet: &Devnet) -> Vec<Account> {
    let accounts = devnet.accounts().iter().enumerate();
    accounts
        .map(|(index, account)| Account {
            role: role(index),
            address: account.address,
            private_key: account.private_key,
        })
        .collect()
}

async fn code_bytes(chain: &Chain, address: Address) -> anyhow::Result<usize> {
    let code = chain.provider.get_code_at(address).await?;
    anyhow::ensure!(!code.is_empty(), "the chain has no code at {address}");
    Ok(code.len())
}

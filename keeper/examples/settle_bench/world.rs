//! Chain, contracts, accounts and people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alloy::network::EthereumWallet;
use alloy::primitives::aliases::U96;
use alloy::primitives::utils::parse_ether;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result};
use bindings::AccountFactory;
use bindings::AgentRegistry::{self, AgentRegistryInstance};
use devnet::Devnet;
use tempfile::TempDir;

use super::children::{self, Keys, Process};
use super::proxy::Proxy;

/// Price of a run in wei.
const PRICE: u64 = 1_000_000_000_000;
/// Purchases that are sent at once.
const AT_ONCE: usize = 32;
/// No UTF-8, which the manifest asks for: such a purchase fails without a run.
const INPUT: &[u8] = &[0xff];
const MANIFEST: &str = r#"{"name":"bench","version":"1.0.0","description":"Never runs.","args":[],
    "input":{"mediaType":"text/plain; charset=utf-8","minBytes":1,"maxBytes":100},
    "output":{"kind":"text","maxBytes":100},
    "limits":{"seconds":5,"memoryBytes":67108864,"cpuMillis":1000,"pids":8,"tmpBytes":0,"logBytes":100}}"#;

/// Everything but the keeper.
pub struct World {
    pub proxy: Proxy,
    provider: DynProvider,
    registry: Address,
    agent: U256,
    buyer: Address,
    keys: Keys,
    config: String,
    folder: TempDir,
    _devnet: Devnet,
    _signer: Process,
}

impl World {
    /// Starts chain and signer, deploys the contracts, lists the agent.
    pub async fn start(bin_dir: &Path, max_batch: Option<usize>) -> Result<Self> {
        let devnet = Devnet::spawn(devnet::Config::default()).await?;
        let people: Vec<_> = devnet.accounts()[..3].iter().map(|one| one.address).collect();
        let accounts = &devnet.accounts()[..3];
        let mut wallet = EthereumWallet::new(accounts[0].signer()?);
        for account in &accounts[1..] {
            wallet.register_signer(account.signer()?);
        }
        let provider =
            ProviderBuilder::new().wallet(wallet).connect_http(devnet.rpc_url().parse()?).erased();
        let deployment = deploy(&provider, people[0]).await?;
        let folder = tempfile::tempdir()?;
        let keys = children::create_keys(bin_dir, folder.path())?;
        let account = account(&provider, &deployment, people[0], keys).await?;
        let registry = deployment.registry;
        let policy = format!(
            "chain_id = {}\naccount = \"{account}\"\nregistry = \"{registry}\"\n\
             max_operation_gas = 10000000\nmax_bundle_gas = 32000000\n\
             max_fee_per_gas = \"10000000000\"\ndaily_budget = \"1000 ether\"\n",
            deployment.chain_id
        );
        let (signer, socket) = children::start_signer(bin_dir, folder.path(), &policy)?;
        let proxy = Proxy::start(devnet.rpc_url()).await?;
        let mut config = format!(
            "[chain]\nrpc_url = {:?}\nchain_id = {}\nregistry = \"{registry}\"\n\
             confirmations = 0\nrpc_timeout_ms = 600000\n\
             [account]\naddress = \"{account}\"\n[signer]\nsocket = {socket:?}\n\
             timeout_ms = 600000\n[store]\npath = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\n",
            proxy.url(),
            deployment.chain_id,
            folder.path().join("keeper.db"),
        );
        if let Some(most) = max_batch {
            write!(config, "[settle]\nmax_batch = {most}\n")?;
        }
        let agent = list(&provider, registry, people[1]).await?;
        let (buyer, _devnet, _signer) = (people[2], devnet, signer);
        Ok(Self { proxy, provider, registry, agent, buyer, keys, config, folder, _devnet, _signer })
    }

    /// Starts the keeper.
    pub fn keeper(&self, bin_dir: &Path) -> Result<Process> {
        children::start_keeper(bin_dir, self.folder.path(), &self.config)
    }

    /// The keeper's store.
    pub fn store_path(&self) -> PathBuf {
        self.folder.path().join("keeper.db")
    }

    /// Buys runs; gives the block before the first.
    pub async fn buy(&self, runs: u64) -> Result<u64> {
        let before = self.provider.get_block_number().await?;
        let registry = AgentRegistryInstance::new(self.registry, self.provider.clone());
        let mut left = runs;
        while left > 0 {
            let mut sent = Vec::new();
            for _ in 0..left.min(AT_ONCE as u64) {
                let input = Bytes::from_static(INPUT);
                let call = registry.purchase(self.agent, 1, keccak256(INPUT), input);
                sent.push(call.from(self.buyer).value(U256::from(PRICE)).send().await?);
                left -= 1;
            }
            for purchase in sent {
                let receipt = purchase.get_receipt().await?;
                anyhow::ensure!(receipt.status(), "a purchase failed");
            }
        }
        Ok(before)
    }

    /// Settlements on the chain since that block.
    pub async fn settled(&self, since: u64) -> Result<u64> {
        let filter = Filter::new().address(self.registry).from_block(since);
        let filter = filter.event_signature(AgentRegistry::Settled::SIGNATURE_HASH);
        Ok(self.provider.get_logs(&filter).await?.len() as u64)
    }

    /// Transactions of the bundler so far.
    pub async fn bundler_nonce(&self) -> Result<u64> {
        Ok(self.provider.get_transaction_count(self.keys.bundler).await?)
    }
}

async fn deploy(provider: &DynProvider, owner: Address) -> Result<deployer::Deployment> {
    let build = || -> Result<deployer::Artifacts> {
        let workspace = deployer::Workspace::find()?;
        deployer::build(&workspace)?;
        Ok(deployer::Artifacts::load(&workspace.output())?)
    };
    let artifacts = tokio::task::spawn_blocking(build).await??;
    let params = deployer::Params { owner, keeper_bps: 500, protocol_bps: 100 };
    Ok(deployer::deploy(provider, &artifacts, &params).await?)
}

/// A funded smart account that may settle.
async fn account(
    provider: &DynProvider,
    deployment: &deployer::Deployment,
    owner: Address,
    keys: Keys,
) -> Result<Address> {
    let factory = AccountFactory::new(deployment.factory, provider.clone());
    let implementation = deployment.account_implementation;
    let account = factory.accountAddress(implementation, keys.owner, B256::ZERO).call().await?;
    let create = factory.createAccount(implementation, keys.owner, B256::ZERO).from(owner);
    create.send().await?.get_receipt().await?;
    for to in [account, keys.bundler] {
        let gift = TransactionRequest::default().from(owner).to(to).value(parse_ether("100")?);
        provider.send_transaction(gift).await?.get_receipt().await?;
    }
    let registry = AgentRegistryInstance::new(deployment.registry, provider.clone());
    registry.addKeeper(account).from(owner).send().await?.get_receipt().await?;
    Ok(account)
}

async fn list(provider: &DynProvider, registry: Address, publisher: Address) -> Result<U256> {
    let manifest = domain::manifest::Manifest::parse(MANIFEST.as_bytes())?.to_bytes()?;
    let listing = AgentRegistry::Listing {
        payee: publisher,
        price: U96::from(PRICE),
        maxSeconds: 60,
        imageDigest: keccak256("no image"),
    };
    let registry = AgentRegistryInstance::new(registry, provider.clone());
    let sent = registry.list(listing, manifest.into()).from(publisher).send().await?;
    let receipt = sent.get_receipt().await?;
    let listed = receipt.decoded_log::<AgentRegistry::Listed>().context("no listing")?;
    Ok(listed.data.agentId)
}

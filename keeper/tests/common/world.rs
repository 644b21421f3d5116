//! Chain, contracts, signer and people, and what they do.

use std::path::PathBuf;

use alloy::network::EthereumWallet;
use alloy::primitives::aliases::U96;
use alloy::primitives::utils::parse_ether;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use bindings::AccountFactory;
use bindings::AgentRegistry::{self, AgentRegistryInstance};
use devnet::Devnet;
use domain::job::{Kind, State};
use domain::manifest::Manifest;
use keeper::Config;
use tempfile::TempDir;

use super::keeper::KeeperProcess;
use super::rpc_proxy::RpcProxy;
use super::signer::{self, Keys, Policy, Signer};
use super::signer_proxy::SignerProxy;
use super::{agent, wait};

/// Price of a run in wei.
pub const PRICE: u64 = 1_000_000_000_000_000;
/// Shares of keeper and protocol in hundredths of a per cent.
pub const FEES: (u16, u16) = (500, 100);

/// Everything but the keeper.
pub struct World {
    pub devnet: Devnet,
    pub node: RpcProxy,
    pub signers: SignerProxy,
    pub provider: DynProvider,
    pub deployment: deployer::Deployment,
    pub account: Address,
    pub keys: Keys,
    pub owner: Address,
    pub publisher: Address,
    pub buyer: Address,
    pub other_buyer: Address,
    pub folder: TempDir,
    _signer: Signer,
}

impl World {
    /// A chain with the contracts, and a keeper's account that may settle.
    pub async fn start() -> Self {
        let devnet = Devnet::spawn(devnet::Config::default()).await.expect("a devnet");
        let people: Vec<_> = devnet.accounts()[..4].iter().map(|one| one.address).collect();
        let mut keys = devnet.accounts()[..4].iter().map(|one| one.signer().expect("a key"));
        let mut wallet = EthereumWallet::new(keys.next().expect("an account"));
        keys.for_each(|key| wallet.register_signer(key));
        let url = devnet.rpc_url().parse().expect("a URL");
        // No remembered nonces: reorganisations take them back.
        let fillers = ProviderBuilder::default().with_gas_estimation().fetch_chain_id();
        let fillers = fillers.with_simple_nonce_management();
        let provider = fillers.wallet(wallet).connect_http(url).erased();
        let deployment = deploy(&provider, people[0]).await;

        let folder = tempfile::tempdir().expect("a folder");
        let keys = signer::create_keys(folder.path());
        let (account, signer, signers) =
            keeper_account(&provider, &deployment, people[0], keys, folder.path().into()).await;
        let node = RpcProxy::start(devnet.rpc_url()).await;
        Self {
            node,
            signers,
            account,
            keys,
            owner: people[0],
            publisher: people[1],
            buyer: people[2],
            other_buyer: people[3],
            devnet,
            provider,
            deployment,
            folder,
            _signer: signer,
        }
    }

    /// A second keeper's account with its signer, in a folder of its own.
    pub async fn another_keeper(&self) -> (Address, Signer, SignerProxy) {
        let folder = self.folder.path().join("second");
        std::fs::create_dir(&folder).expect("a folder");
        let keys = signer::create_keys(&folder);
        keeper_account(&self.provider, &self.deployment, self.owner, keys, folder).await
    }

    /// The configuration of a keeper in this world: acts at once, one block makes final.
    pub fn config(&self) -> Config {
        self.config_of("keeper", self.account, &self.signers)
    }

    pub fn config_of(&self, name: &str, account: Address, signer: &SignerProxy) -> Config {
        let folder = self.folder.path().join(name);
        let text = format!(
            "[chain]\nrpc_url = {:?}\nchain_id = {}\nregistry = \"{}\"\nconfirmations = 0\n\
             finality_blocks = 0\npoll_interval_ms = 50\nrpc_timeout_ms = 120000\n\
             [account]\naddress = \"{account}\"\n\
             [signer]\nsocket = {:?}\ntimeout_ms = 120000\n[store]\npath = {:?}\n\
             [api]\nlisten = \"127.0.0.1:0\"\n[shutdown]\ngrace_seconds = 20\n",
            self.node.url(),
            self.deployment.chain_id,
            self.deployment.registry,
            signer.socket,
            folder.join("keeper.db"),
        );
        Config::from_toml(&text).expect("a configuration")
    }

    /// Starts a keeper process.
    pub fn keeper(&self, config: &Config) -> KeeperProcess {
        let folder = config.store.path.parent().expect("a folder");
        KeeperProcess::start(folder, config)
    }

    pub fn registry(&self) -> AgentRegistryInstance<DynProvider> {
        AgentRegistryInstance::new(self.deployment.registry, self.provider.clone())
    }

    /// Lists the script agent.
    pub async fn list(&self) -> U256 {
        self.list_as(&agent::manifest(30), agent::load().await).await
    }

    pub async fn list_as(&self, manifest: &Manifest, image: B256) -> U256 {
        self.list_bytes(manifest.to_bytes().expect("a manifest").into(), image).await
    }

    pub async fn list_bytes(&self, manifest: Bytes, image: B256) -> U256 {
        let listing = AgentRegistry::Listing {
            payee: self.publisher,
            price: U96::from(PRICE),
            maxSeconds: 60,
            imageDigest: image,
        };
        let registry = self.registry();
        let sent = registry.list(listing, manifest).from(self.publisher).send().await;
        let receipt = sent.expect("the listing is sent").get_receipt().await.expect("a receipt");
        receipt.decoded_log::<AgentRegistry::Listed>().expect("a listing").data.agentId
    }

    /// Buys a run with that script as inline input.
    pub async fn buy(&self, agent: U256, script: &str) -> u64 {
        let input = Bytes::copy_from_slice(script.as_bytes());
        self.buy_with(agent, keccak256(&input), input).await
    }

    pub async fn buy_with(&self, agent: U256, hash: B256, input: Bytes) -> u64 {
        self.buy_as(self.buyer, agent, hash, input).await
    }

    pub async fn buy_as(&self, buyer: Address, agent: U256, hash: B256, input: Bytes) -> u64 {
        let registry = self.registry();
        let call = registry.purchase(agent, 1, hash, input);
        let sent = call.from(buyer).value(U256::from(PRICE)).send().await;
        let receipt = sent.expect("the purchase is sent").get_receipt().await.expect("a receipt");
        receipt.decoded_log::<AgentRegistry::Purchased>().expect("a purchase").data.purchaseId
    }

    /// Status of a purchase: 1 open, 2 settled ok, 3 settled failed, 4 refunded.
    pub async fn status(&self, purchase: u64) -> u8 {
        self.registry().purchaseOf(purchase).call().await.expect("a purchase").status
    }

    /// Every `Settled` event of a purchase in the canonical chain.
    pub async fn settlements(&self, purchase: u64) -> Vec<AgentRegistry::Settled> {
        let registry = self.registry();
        let filter = registry.Settled_filter().from_block(0).topic1(U256::from(purchase));
        let found = filter.query().await.expect("logs");
        found.into_iter().map(|(event, _)| event).collect()
    }

    /// What somebody may withdraw.
    pub async fn credit(&self, who: Address) -> U256 {
        self.registry().balanceOf(who).call().await.expect("a balance")
    }

    /// Mines empty blocks.
    pub async fn mine(&self, blocks: u64) {
        self.raw("anvil_mine", serde_json::json!([blocks])).await;
    }

    pub async fn raw(&self, method: &'static str, params: serde_json::Value) -> serde_json::Value {
        self.provider.raw_request(method.into(), params).await.expect("the devnet obeys")
    }

    /// Waits until the purchase has that status on the chain.
    pub async fn reaches(&self, purchase: u64, status: u8) {
        wait::until(&format!("purchase {purchase} has status {status}"), || async {
            (self.status(purchase).await == status).then_some(())
        })
        .await;
    }

    /// Checks that a purchase was settled well, once, for the full price, by the account.
    pub async fn assert_settled_once(&self, keeper: &KeeperProcess, purchase: u64) -> State {
        let state = keeper.reaches(purchase, Kind::Final).await;
        let settlements = self.settlements(purchase).await;
        assert_eq!(settlements.len(), 1, "settled exactly once");
        assert!(settlements[0].ok);
        assert_eq!(settlements[0].keeper, self.account);
        assert_eq!(settlements[0].charge, U96::from(PRICE));
        assert_eq!(self.status(purchase).await, 2);
        let prepared = state.prepared().expect("the work is kept");
        assert_eq!(settlements[0].receiptHash, prepared.intent.receipt_hash);
        assert_eq!(settlements[0].resultHash, prepared.finished.run.result_hash);
        state
    }
}

/// Builds the contracts if their sources changed, and puts them on the chain.
async fn deploy(provider: &DynProvider, owner: Address) -> deployer::Deployment {
    let build = || {
        let workspace = deployer::Workspace::find().expect("a checkout");
        deployer::build(&workspace).expect("the contracts build");
        deployer::Artifacts::load(&workspace.output()).expect("built contracts")
    };
    let artifacts = tokio::task::spawn_blocking(build).await.expect("a build");
    let params = deployer::Params { owner, keeper_bps: FEES.0, protocol_bps: FEES.1 };
    deployer::deploy(provider, &artifacts, &params).await.expect("a deployment")
}

/// A smart account owned by the signer's key, funded and registered; with its signer.
async fn keeper_account(
    provider: &DynProvider,
    deployment: &deployer::Deployment,
    owner: Address,
    keys: Keys,
    folder: PathBuf,
) -> (Address, Signer, SignerProxy) {
    let factory = AccountFactory::new(deployment.factory, provider.clone());
    let implementation = deployment.account_implementation;
    let address = factory.accountAddress(implementation, keys.owner, B256::ZERO);
    let account = address.call().await.expect("an address");
    let create = factory.createAccount(implementation, keys.owner, B256::ZERO).from(owner);
    create.send().await.expect("sent").get_receipt().await.expect("an account");
    for to in [account, keys.bundler] {
        let gift = TransactionRequest::default().from(owner).to(to);
        let gift = gift.value(parse_ether("5").expect("an amount"));
        provider.send_transaction(gift).await.expect("sent").get_receipt().await.expect("funds");
    }
    let registry = AgentRegistryInstance::new(deployment.registry, provider.clone());
    let add = registry.addKeeper(account).from(owner).send().await;
    add.expect("sent").get_receipt().await.expect("a keeper");
    let policy = Policy { chain_id: deployment.chain_id, account, registry: deployment.registry };
    let signer = Signer::start(&folder, &policy).await;
    let proxy = SignerProxy::start(signer.socket.clone(), &folder.join("proxy.sock"));
    (account, signer, proxy)
}

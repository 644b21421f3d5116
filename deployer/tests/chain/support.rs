//! A fresh chain with everything deployed, and short words for what the tests do.

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolValue;
use bindings::AgentRegistry::{
    self, AgentRegistryErrors, AgentRegistryInstance, Listing, Outcome, Purchase, settleCall,
};
use bindings::ENTRY_POINT_V08;
use bindings::IEntryPoint::{self, IEntryPointInstance};
use deployer::{Artifacts, Deployment, Params, Workspace};
use devnet::{Config, Devnet};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Roles of the dev accounts.
pub const OWNER: usize = 0;
pub const PUBLISHER: usize = 1;
pub const BUYER: usize = 2;
pub const KEEPER: usize = 3;
pub const STRANGER: usize = 4;
pub const BUNDLER: usize = 5;

pub const KEEPER_BPS: u16 = 500;
pub const PROTOCOL_BPS: u16 = 100;
pub const PRICE: u128 = 1_000_000_000_000_000;
pub const MAX_SECONDS: u32 = 60;
pub const WINDOW: u64 = 1_800;

/// Builds the programs once per test run; nothing happens when they are up to date.
pub fn artifacts() -> &'static Artifacts {
    static ARTIFACTS: OnceLock<Artifacts> = OnceLock::new();
    ARTIFACTS.get_or_init(|| {
        let workspace = Workspace::find().expect("tests run inside the checkout");
        deployer::build(&workspace).expect("the contracts build");
        Artifacts::load(&workspace.output()).expect("the build has just written them")
    })
}

pub struct World {
    pub devnet: Devnet,
    pub deployment: Deployment,
}

impl World {
    /// A chain with the programs and one keeper.
    pub async fn new() -> Self {
        let devnet = Devnet::spawn(Config::default()).await.expect("the chain starts");
        let owner = devnet.accounts()[OWNER].address;
        let params = Params { owner, keeper_bps: KEEPER_BPS, protocol_bps: PROTOCOL_BPS };
        let provider = provider(&devnet, OWNER);
        let deployment =
            deployer::deploy(&provider, artifacts(), &params).await.expect("everything deploys");
        let world = Self { devnet, deployment };
        let keeper = world.address(KEEPER);
        done(world.registry(OWNER).addKeeper(keeper)).await;
        world
    }

    pub fn address(&self, who: usize) -> Address {
        self.devnet.accounts()[who].address
    }

    pub fn signer(&self, who: usize) -> PrivateKeySigner {
        self.devnet.accounts()[who].signer().expect("valid key")
    }

    /// A client that signs as `who`.
    pub fn provider(&self, who: usize) -> DynProvider {
        provider(&self.devnet, who)
    }

    /// The registry, called by `who`.
    pub fn registry(&self, who: usize) -> AgentRegistryInstance<DynProvider> {
        AgentRegistry::new(self.deployment.registry, self.provider(who))
    }

    pub fn entry_point(&self) -> IEntryPointInstance<DynProvider> {
        IEntryPoint::new(ENTRY_POINT_V08, self.provider(BUNDLER))
    }

    pub async fn wei(&self, who: Address) -> U256 {
        self.provider(STRANGER).get_balance(who).await.expect("balance")
    }

    pub async fn now(&self) -> u64 {
        let block = self.provider(STRANGER).get_block(Default::default()).await.expect("block");
        block.expect("latest exists").header.timestamp
    }

    /// The next block is at least `seconds` later.
    pub async fn wait(&self, seconds: u64) {
        let provider = self.provider(STRANGER);
        let _: serde_json::Value =
            provider.raw_request("evm_increaseTime".into(), [seconds]).await.expect("time");
        let _: serde_json::Value =
            provider.raw_request("evm_mine".into(), ()).await.expect("block");
    }

    /// The publisher lists an agent for [`PRICE`].
    pub async fn list(&self) -> U256 {
        let listing = self.listing();
        let receipt = done(self.registry(PUBLISHER).list(listing, manifest())).await;
        let listed = receipt.decoded_log::<AgentRegistry::Listed>().expect("listed");
        listed.agentId
    }

    pub fn listing(&self) -> Listing {
        Listing {
            payee: self.address(PUBLISHER),
            price: U96::from(PRICE),
            maxSeconds: MAX_SECONDS,
            imageDigest: B256::repeat_byte(0xab),
        }
    }

    /// The buyer buys a run of version 1 with its input inline.
    pub async fn buy(&self, agent: U256) -> u64 {
        self.buy_as(BUYER, agent).await
    }

    /// `who` buys what [`World::buy`] buys.
    pub async fn buy_as(&self, who: usize, agent: U256) -> u64 {
        let input = Bytes::from_static(b"some words");
        let registry = self.registry(who);
        let call = registry.purchase(agent, 1, keccak256(&input), input).value(U256::from(PRICE));
        let receipt = done(call).await;
        receipt.decoded_log::<AgentRegistry::Purchased>().expect("purchased").purchaseId
    }

    /// The report on that purchase: `outcome` with the hash of the order as it stands on the chain.
    pub async fn report(&self, purchase: u64, outcome: Outcome) -> Outcome {
        let bought = self.registry(STRANGER).purchaseOf(purchase).call().await.expect("view");
        Outcome { orderHash: order_hash(&bought), ..outcome }
    }

    /// The call that settles a purchase, as `who` would send it.
    pub async fn settle(
        &self,
        who: usize,
        purchase: u64,
        outcome: Outcome,
    ) -> CallBuilder<DynProvider, PhantomData<settleCall>> {
        let outcome = self.report(purchase, outcome).await;
        self.registry(who).settle(purchase, outcome).with_cloned_provider()
    }

    /// What is owed is what is held; returns it.
    pub async fn check_money(&self) -> U256 {
        let owed = self.registry(STRANGER).totalOwed().call().await.expect("view");
        assert_eq!(self.wei(self.deployment.registry).await, owed, "owed is held");
        owed
    }
}

fn provider(devnet: &Devnet, who: usize) -> DynProvider {
    let signer = devnet.accounts()[who].signer().expect("valid key");
    let url = devnet.rpc_url().parse().expect("valid URL");
    // A cached nonce would be lost with every call that is refused before it is sent.
    ProviderBuilder::new()
        .with_simple_nonce_management()
        .wallet(EthereumWallet::from(signer))
        .connect_http(url)
        .erased()
}

pub fn manifest() -> Bytes {
    Bytes::from_static(b"{\"name\":\"test\"}")
}

/// What `settle` wants to hear about a purchase.
pub fn order_hash(purchase: &Purchase) -> B256 {
    let Purchase { buyer, agentId, version, inputHash, .. } = purchase;
    keccak256((buyer, agentId, version, inputHash).abi_encode())
}

/// A good run, of no order yet: see [`World::report`].
pub fn success(charge: u128) -> Outcome {
    Outcome {
        orderHash: B256::ZERO,
        ok: true,
        charge: U96::from(charge),
        resultHash: B256::repeat_byte(1),
        receiptHash: B256::repeat_byte(2),
    }
}

pub fn failure() -> Outcome {
    Outcome { ok: false, charge: U96::ZERO, ..success(0) }
}

/// Sends a call that must work.
pub async fn done<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> TransactionReceipt {
    let pending = call.send().await.expect("accepted");
    let receipt = pending.get_receipt().await.expect("included");
    assert!(receipt.status(), "reverted: {receipt:?}");
    receipt
}

/// Sends a call that the registry must refuse, and returns its error.
pub async fn refused<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> AgentRegistryErrors {
    let error = call.send().await.expect_err("must be refused");
    error
        .as_decoded_interface_error::<AgentRegistryErrors>()
        .unwrap_or_else(|| panic!("not an error of the registry: {error}"))
}

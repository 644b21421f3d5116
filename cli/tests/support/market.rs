//! A chain with the contracts and one agent for sale, behind a proxy, without any keeper.
#![allow(dead_code, missing_docs)]

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use alloy::{primitives::aliases::U96, providers::Provider as _, signers::local::PrivateKeySigner};
use bindings::AgentRegistry::Listing;
use cli::{
    chain::{self, Chain, Wallet},
    outgoing::{Courier, Kept, Outgoing},
    output,
    publish::publish,
    ready::Contracts,
};
use deployer::{Artifacts, Deployment, Params, Workspace};
use devnet::Devnet;
use domain::manifest::Manifest;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    faults::FaultProxy,
    support::{nexus, root, text},
};

/// Price of the agent's runs, wei.
pub const PRICE: u64 = 1_000_000_000;

pub struct Market {
    pub devnet: Devnet,
    pub proxy: FaultProxy,
    pub deployment: Deployment,
    folder: TempDir,
}

impl Market {
    /// Agent 1 is for sale.
    pub async fn open() -> Self {
        let devnet = Devnet::spawn(devnet::Config::default()).await.unwrap();
        let proxy = FaultProxy::start(&devnet.rpc_url()).await;
        let workspace = Workspace::at(&root());
        let output = workspace.output();
        tokio::task::spawn_blocking(move || deployer::build(&workspace)).await.unwrap().unwrap();
        let artifacts = Artifacts::load(&output).unwrap();
        let wallet = Wallet { signer: key(&devnet, 0), courier: courier() };
        let params = Params { owner: wallet.signer.address(), keeper_bps: 500, protocol_bps: 250 };
        let provider = chain::connect(&devnet.rpc_url(), Some(&wallet)).await.unwrap();
        let deployment = deployer::deploy(&provider, &artifacts, &params).await.unwrap();
        let market = Self { devnet, proxy, deployment, folder: tempfile::tempdir().unwrap() };
        let deployment = serde_json::to_string(&market.deployment).unwrap();
        market.write("deployment.json", deployment.as_bytes());
        for (name, index) in [("publisher", 1), ("buyer", 2)] {
            let key = market.devnet.accounts()[index].private_key;
            market.write(name, key.to_string().as_bytes());
        }
        market.list().await;
        market
    }

    async fn list(&self) {
        let path = root().join("test-fixtures/agents/summarize/manifest.json");
        let manifest = Manifest::parse(&std::fs::read(path).unwrap()).unwrap();
        let publisher = key(&self.devnet, 1);
        let listing = Listing {
            payee: publisher.address(),
            price: U96::from(PRICE),
            maxSeconds: 600,
            imageDigest: alloy::primitives::B256::repeat_byte(1),
        };
        let contracts = Contracts::from(&self.deployment);
        let chain_id = self.deployment.chain_id;
        let url = self.devnet.rpc_url();
        let chain =
            Chain::connect(&url, chain_id, contracts, Some(publisher), courier()).await.unwrap();
        publish(&chain, &manifest, listing, None).await.unwrap();
    }

    /// How many purchases the registry has.
    pub async fn purchases(&self) -> u64 {
        let provider = chain::connect(&self.devnet.rpc_url(), None).await.unwrap();
        let registry = bindings::AgentRegistry::new(self.deployment.registry, &provider);
        registry.purchaseCount().call().await.unwrap()
    }

    /// Calls the node itself.
    pub async fn call(&self, method: &'static str, parameters: Value) -> Value {
        let provider = chain::connect(&self.devnet.rpc_url(), None).await.unwrap();
        provider.raw_request(method.into(), parameters).await.unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &[u8]) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    /// A command against the proxy, with a state folder of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(&self.proxy.url(), arguments)
    }

    /// A command against the node at that URL, with a state folder of its own.
    pub fn command_at(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = nexus();
        command
            .env("XDG_STATE_HOME", self.path("state"))
            .args(["--json", "--rpc-url", url, "--deployment"])
            .arg(self.path("deployment.json"))
            .args(arguments);
        command
    }

    /// Runs a command to its end while proxy and chain go on.
    pub async fn nexus(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Runs a command to its end while the chain makes blocks.
    pub async fn nexus_while_mining(&self, arguments: &[&str]) -> Output {
        let mut blocks = tokio::time::interval(Duration::from_millis(200));
        let mut command = std::pin::pin!(self.nexus(arguments));
        loop {
            tokio::select! {
                output = &mut command => return output,
                _ = blocks.tick() => self.call("evm_mine", serde_json::json!([])).await,
            };
        }
    }

    /// The signed transaction of that hash in the state folder.
    pub fn signed(&self, hash: &str) -> Outgoing {
        let kept = Kept::at(self.path("state/agentnexus/transactions"));
        kept.read(hash.parse().unwrap()).unwrap()
    }

    /// The arguments of a purchase by the buyer.
    pub fn purchase(&self) -> Vec<String> {
        let input = self.write("input.txt", b"A text to work on.");
        let key = self.path("buyer").display().to_string();
        ["buy", "1", "--input", &input, "--private-key-file", &key].map(str::to_owned).to_vec()
    }

    /// Buys a run.
    pub async fn buy(&self) -> Output {
        let arguments = self.purchase();
        self.nexus(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// The hashes of the signed transactions in the state folder.
    pub fn kept(&self) -> Vec<String> {
        let folder = self.path("state/agentnexus/transactions");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                name.strip_suffix(".json").map(str::to_owned)
            })
            .collect()
    }
}

/// The document that a command printed.
pub fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The error that a command printed as the last line.
pub fn error(output: &Output) -> Value {
    let stderr = text(&output.stderr);
    let line = stderr.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no error document: {stderr}"))
}

fn courier() -> Courier {
    Courier::new(output::Output::new(false, true), None)
}

fn key(devnet: &Devnet, index: usize) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&devnet.accounts()[index].private_key).unwrap()
}

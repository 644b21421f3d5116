//! The chain as commands see it: a connection, the registry, transactions whose failures
//! are explained.

use std::time::Duration;

use alloy::{
    contract::{CallBuilder, CallDecoder},
    network::{EthereumWallet, Network, ReceiptResponse as _},
    primitives::{Address, U256},
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
    sol_types::SolInterface as _,
};
use anyhow::Context as _;
use bindings::{
    AgentRegistry::{AgentRegistryErrors, AgentRegistryInstance},
    IEntryPoint,
};
use serde::Serialize;

use crate::{
    failure::Failure,
    money::{self, Wei},
    ready::Contracts,
};

/// How often a local chain is asked for a receipt.
const POLL: Duration = Duration::from_millis(50);
/// How long a transaction may take to be mined.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to the chain that holds the registry.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The RPC client; signs when a key was given.
    pub provider: DynProvider,
    /// Contract addresses.
    pub contracts: Contracts,
    /// Chain id, checked against the endpoint.
    pub chain_id: u64,
    user: Option<Address>,
}

/// A mined transaction, as results show it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mined {
    /// Transaction hash.
    pub transaction: alloy::primitives::TxHash,
    /// Block number.
    pub block: u64,
    /// Gas used.
    pub gas_used: u64,
    /// What the gas cost.
    pub gas_cost: Wei,
}

impl From<&TransactionReceipt> for Mined {
    fn from(receipt: &TransactionReceipt) -> Self {
        Self {
            transaction: receipt.transaction_hash,
            block: receipt.block_number.unwrap_or_default(),
            gas_used: receipt.gas_used,
            gas_cost: Wei(U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price)),
        }
    }
}

/// Connects to an endpoint, with a wallet if a key is given.
pub async fn connect(url: &str, signer: Option<PrivateKeySigner>) -> anyhow::Result<DynProvider> {
    let unreachable = |error: alloy::transports::TransportError| {
        Failure::Chain(format!("the chain at {url} does not answer: {error}; is it running?"))
    };
    let provider = match signer {
        Some(signer) => ProviderBuilder::new()
            .wallet(EthereumWallet::from(signer))
            .connect(url)
            .await
            .map_err(unreachable)?
            .erased(),
        None => ProviderBuilder::new().connect(url).await.map_err(unreachable)?.erased(),
    };
    provider.client().set_poll_interval(POLL);
    Ok(provider)
}

impl Chain {
    /// Connects and checks that the endpoint is the chain the addresses are for.
    pub async fn connect(
        url: &str,
        chain_id: u64,
        contracts: Contracts,
        signer: Option<PrivateKeySigner>,
    ) -> anyhow::Result<Self> {
        let user = signer.as_ref().map(PrivateKeySigner::address);
        let provider = connect(url, signer).await?;
        let found = provider.get_chain_id().await.map_err(|error| {
            Failure::Chain(format!("the chain at {url} does not answer: {error}; is it running?"))
        })?;
        if found != chain_id {
            return Err(Failure::Chain(format!(
                "{url} is chain {found}, but the contract addresses are for chain {chain_id}; \
                 give the matching --rpc-url and --deployment"
            ))
            .into());
        }
        Ok(Self { provider, contracts, chain_id, user })
    }

    /// The registry.
    pub fn registry(&self) -> AgentRegistryInstance<DynProvider> {
        AgentRegistryInstance::new(self.contracts.registry, self.provider.clone())
    }

    /// The EntryPoint.
    pub fn entry_point(&self) -> IEntryPoint::IEntryPointInstance<DynProvider> {
        IEntryPoint::new(self.contracts.entry_point, self.provider.clone())
    }

    /// The address of the user's key.
    pub fn user(&self) -> anyhow::Result<Address> {
        self.user.context("this connection has no key to sign with")
    }

    /// Ether of an address, wei.
    pub async fn ether(&self, address: Address) -> anyhow::Result<U256> {
        self.provider.get_balance(address).await.map_err(|error| {
            Failure::Chain(format!("reading the balance of {address}: {error}")).into()
        })
    }
}

/// Sends a registry call and waits until it is mined successfully.
pub async fn send<P, D, N>(
    call: CallBuilder<P, D, N>,
    what: &str,
) -> anyhow::Result<N::ReceiptResponse>
where
    P: alloy::providers::Provider<N>,
    D: CallDecoder,
    N: Network,
{
    let pending = call.send().await.map_err(|error| explain(&error, what))?;
    let hash = *pending.tx_hash();
    let receipt = pending.with_timeout(Some(RECEIPT_TIMEOUT)).get_receipt().await.map_err(|e| {
        Failure::Chain(format!("{what}: transaction {hash} was sent, but not seen mined: {e}"))
    })?;
    if receipt.status() {
        Ok(receipt)
    } else {
        Err(Failure::Chain(format!("{what}: transaction {hash} was mined but reverted")).into())
    }
}

/// Turns a failed call into words. An error of the registry itself means that nothing was
/// sent: the node told it when the call was tried.
pub fn explain(error: &alloy::contract::Error, what: &str) -> anyhow::Error {
    match error.as_decoded_interface_error::<AgentRegistryErrors>() {
        Some(reason) => {
            let reason = refusal(&reason);
            Failure::Refused(format!("{what}: the registry refuses: {reason}; nothing was sent"))
        }
        None => Failure::Chain(format!("{what}: {error}")),
    }
    .into()
}

fn refusal(reason: &AgentRegistryErrors) -> String {
    use AgentRegistryErrors as E;
    let words = match reason {
        E::UnknownAgent(_) => "there is no such agent; see `nexus agent list`",
        E::AgentUnlisted(_) => "its publisher has unlisted this agent",
        E::StaleVersion(_) => {
            "the listing changed meanwhile; look at it again with `nexus agent show`"
        }
        E::WrongPayment(_) => "the payment is not the price of the listing",
        E::UnknownPurchase(_) => "there is no such purchase",
        E::PurchaseNotOpen(_) => "the purchase is already settled or refunded",
        E::DeadlineNotPassed(_) => "the deadline has not passed; the keeper may still deliver",
        E::NothingToWithdraw(_) => "the balance in the registry is zero",
        E::IsPaused(_) => "listing and buying are paused by the protocol's owner",
        E::NotPublisher(_) => "only the agent's publisher may do this",
        E::NotOwner(_) => "only the protocol's owner may do this",
        _ => return format!("error 0x{}", alloy::hex::encode(reason.selector())),
    };
    words.to_owned()
}

/// Checks that an account can pay an amount plus some gas.
pub async fn must_afford(chain: &Chain, payer: Address, amount: U256) -> anyhow::Result<()> {
    let balance = chain.ether(payer).await?;
    if balance > amount {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{payer} has {}, but {} plus gas are needed; nothing was sent",
        money::show(balance),
        money::show(amount)
    ))
    .into())
}

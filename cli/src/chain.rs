//! The chain as commands see it: a connection, the registry, transactions whose failures
//! are explained.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::{
    contract::{CallBuilder, CallDecoder},
    eips::BlockNumberOrTag,
    network::EthereumWallet,
    primitives::{Address, TxHash, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::{
        client::ClientBuilder,
        types::{TransactionReceipt, TransactionRequest},
    },
    signers::local::PrivateKeySigner,
    sol_types::SolInterface as _,
    transports::http::reqwest::Url,
};
use anyhow::Context as _;
use bindings::{
    AgentRegistry::{AgentRegistryErrors, AgentRegistryInstance},
    IEntryPoint,
};
use keeper::rpc::{origin, without_urls};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    failure::{AlreadySent, Failure},
    money::{self, Wei},
    outgoing::{AgreedNonce, Courier, CourierLayer, Ended, Patience, Trouble, await_receipt},
    ready::Contracts,
};

/// How long the node may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a local chain is asked for a receipt.
const POLL: Duration = Duration::from_millis(50);
/// How long a transaction may take to be mined.
pub const RECEIPT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a node behind a load balancer may lag behind the one that gave the receipt.
const CATCH_UP: Duration = Duration::from_secs(15);
/// Answers that must agree before an endpoint counts as another chain.
const AGREEING: usize = 3;

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
    courier: Courier,
}

/// A key, and the courier of what it signs.
#[derive(Debug, Clone)]
pub struct Wallet {
    /// The key.
    pub signer: PrivateKeySigner,
    /// Sends and remembers.
    pub courier: Courier,
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

/// Connects to an endpoint, with a wallet if one is given. Over HTTP what fails in passing is
/// asked again; a WebSocket is connected anew when it breaks.
pub async fn connect(url: &str, wallet: Option<&Wallet>) -> anyhow::Result<DynProvider> {
    let http = url.parse::<Url>().ok().filter(|url| url.scheme().starts_with("http"));
    let client = match http {
        Some(http) => keeper::rpc::connect(http, ANSWER_TIMEOUT)?,
        None => {
            let connected = ClientBuilder::default().connect(url).await;
            connected.map_err(|error| unreachable(url, &error))?
        }
    };
    client.set_poll_interval(POLL);
    let Some(Wallet { signer, courier }) = wallet else {
        return Ok(ProviderBuilder::new().connect_client(client).erased());
    };
    Ok(ProviderBuilder::new()
        .disable_recommended_fillers()
        .layer(CourierLayer(courier.clone()))
        .with_gas_estimation()
        .with_nonce_management(AgreedNonce)
        .fetch_chain_id()
        .wallet(EthereumWallet::from(signer.clone()))
        .connect_client(client)
        .erased())
}

/// The failure of a node that does not answer. Neither its URL nor the error shows a key.
fn unreachable(url: &str, error: &dyn std::fmt::Display) -> Failure {
    let (node, error) = (origin(url), without_urls(&error.to_string()));
    Failure::Chain(format!("the chain at {node} does not answer: {error}; is it running?"))
}

impl Chain {
    /// Connects and checks that the endpoint is the chain the addresses are for. Without a
    /// wallet the courier only finds what was sent before.
    pub async fn connect(
        url: &str,
        chain_id: u64,
        contracts: Contracts,
        signer: Option<PrivateKeySigner>,
        courier: Courier,
    ) -> anyhow::Result<Self> {
        let user = signer.as_ref().map(PrivateKeySigner::address);
        let wallet = signer.map(|signer| Wallet { signer, courier: courier.clone() });
        let provider = connect(url, wallet.as_ref()).await?;
        let mut found = 0;
        for _ in 0..AGREEING {
            let answer = provider.get_chain_id().await;
            found = answer.map_err(|error| unreachable(url, &error))?;
            if found == chain_id {
                return Ok(Self { provider, contracts, chain_id, user, courier });
            }
            sleep(POLL).await;
        }
        Err(Failure::Chain(format!(
            "{} is chain {found}, but the contract addresses are for chain {chain_id}; \
             give the matching --rpc-url and --deployment",
            origin(url)
        ))
        .into())
    }

    /// The courier of this connection's transactions.
    pub fn courier(&self) -> &Courier {
        &self.courier
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

    /// Unix seconds by the chain's clock, or by this machine's where that is ahead: a quiet chain
    /// makes no block, and a development chain may have jumped.
    pub async fn now(&self) -> anyhow::Result<u64> {
        let newest = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let newest = newest
            .map_err(|error| Failure::Chain(format!("reading the newest block: {error}")))?
            .map_or(0, |block| block.header.timestamp);
        let here = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(here.context("the clock is before 1970")?.as_secs().max(newest))
    }

    /// Ether of an address, wei.
    pub async fn ether(&self, address: Address) -> anyhow::Result<U256> {
        self.provider.get_balance(address).await.map_err(|error| {
            Failure::Chain(format!("reading the balance of {address}: {error}")).into()
        })
    }
}

/// Sends a contract call and waits until it is mined successfully.
pub async fn send<P: Provider, D: CallDecoder>(
    chain: &Chain,
    call: CallBuilder<P, D>,
    what: &str,
) -> anyhow::Result<TransactionReceipt> {
    let pending = call.send().await.map_err(|error| explain(&error, what))?;
    mined(chain, *pending.tx_hash(), what).await
}

/// Sends ether and waits until it is mined.
pub async fn send_ether(
    chain: &Chain,
    request: TransactionRequest,
    what: &str,
) -> anyhow::Result<TransactionReceipt> {
    let sent = chain.provider.send_transaction(request).await;
    let pending = sent.map_err(|error| explain(&error.into(), what))?;
    mined(chain, *pending.tx_hash(), what).await
}

/// Waits for a transaction that was sent: its receipt, and a node that knows its block.
async fn mined(chain: &Chain, hash: TxHash, what: &str) -> anyhow::Result<TransactionReceipt> {
    let outgoing = chain.courier.find(hash);
    let out = chain.courier.out;
    let patience = Patience::within(RECEIPT_TIMEOUT);
    let ended = await_receipt(&chain.provider, hash, outgoing.as_ref(), out, patience).await;
    let receipt = match ended {
        Ended::Mined(receipt) => *receipt,
        Ended::Dropped => {
            chain.courier.forget(hash);
            return Err(dropped(hash, what));
        }
        Ended::NotKnown => return Err(unconfirmed(hash, what, "the node does not know it")),
        Ended::Open(reason) => return Err(unconfirmed(hash, what, &reason)),
    };
    chain.courier.forget(hash);
    reach(chain, receipt.block_number.unwrap_or_default()).await;
    if receipt.status() {
        Ok(receipt)
    } else {
        let message = format!("{what}: transaction {hash} was mined but reverted");
        Err(anyhow::Error::from(Failure::Chain(message)).context(AlreadySent::transaction(hash)))
    }
}

/// Waits until the node has a block: behind a load balancer another one may answer next, whose
/// state is older. One that stays behind is left to the reads that follow.
async fn reach(chain: &Chain, block: u64) {
    let deadline = Instant::now() + CATCH_UP;
    while !matches!(chain.provider.get_block_number().await, Ok(head) if head >= block) {
        if Instant::now() > deadline {
            return;
        }
        sleep(POLL).await;
    }
}

/// The failure of a transaction that can never be mined.
pub fn dropped(hash: TxHash, what: &str) -> anyhow::Error {
    let message = format!(
        "{what}: another transaction of the same account and nonce was mined instead of {hash}: \
         it can never be mined, and nothing was paid by it"
    );
    anyhow::Error::from(Failure::Chain(message)).context(AlreadySent::transaction(hash))
}

/// The failure of a transaction that may still be mined.
pub fn unconfirmed(hash: TxHash, what: &str, reason: &str) -> anyhow::Error {
    let message = format!(
        "{what}: it is not known yet whether transaction {hash} is mined: {reason}. Do not send \
         it anew: look at that hash first"
    );
    anyhow::Error::from(Failure::Unconfirmed(message)).context(AlreadySent::transaction(hash))
}

/// The trouble of the courier that lies behind an error, if it is one.
pub fn trouble<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Trouble> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(trouble) = error.downcast_ref::<Trouble>() {
            return Some(trouble);
        }
        cause = error.source();
    }
    None
}

/// Turns a courier's trouble into a failure.
pub fn explain_trouble(trouble: &Trouble, what: &str) -> anyhow::Error {
    match trouble {
        Trouble::Refused { reason, .. } => {
            Failure::Chain(format!("{what}: the node refuses the transaction: {reason}")).into()
        }
        Trouble::Unknown { hash, reason } => unconfirmed(*hash, what, reason),
    }
}

/// Turns a failed call into words. An error of the registry itself means that nothing was
/// sent: the node told it when the call was tried.
pub fn explain(error: &alloy::contract::Error, what: &str) -> anyhow::Error {
    if let Some(trouble) = trouble(error) {
        return explain_trouble(trouble, what);
    }
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
        E::DeadlineNotPassed(late) => {
            return format!("the deadline has not passed: it is Unix time {}", late.deadline);
        }
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

//! The keeper's smart account: made through the factory, funded, allowed to settle.

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, B256, U256, utils::parse_ether},
    rpc::types::TransactionRequest,
};
use anyhow::Context as _;
use bindings::{AccountFactory, AgentAccount};
use serde::{Deserialize, Serialize};

use crate::chain::{Chain, send, send_ether};

/// Ether for the smart account's prefunds, and for the bundler's gas.
const FUNDS: &str = "10";

/// The two addresses of the signer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Operator {
    /// Owns the smart account.
    pub owner: Address,
    /// Sends bundles and pays their gas.
    pub bundler: Address,
}

/// Creates the account that `operator` owns, funds account and bundler from the
/// connection's key, and registers the account as a keeper. The key must own the registry.
pub async fn create(chain: &Chain, operator: Operator) -> anyhow::Result<Address> {
    let factory = AccountFactory::new(chain.contracts.factory, chain.provider.clone());
    let implementation = chain.contracts.account_implementation;
    let account = factory
        .accountAddress(implementation, operator.owner, B256::ZERO)
        .call()
        .await
        .context("asking the factory for the keeper account's address")?;
    let call = factory.createAccount(implementation, operator.owner, B256::ZERO);
    send(chain, call, "creating the keeper's account").await?;
    let owner = AgentAccount::new(account, chain.provider.clone())
        .owner()
        .call()
        .await
        .with_context(|| format!("reading the owner of the new account {account}"))?;
    anyhow::ensure!(
        owner == operator.owner,
        "the account {account} belongs to {owner} instead of the signer's {}",
        operator.owner
    );
    let funds = parse_ether(FUNDS)?;
    transfer(chain, account, funds).await?;
    transfer(chain, operator.bundler, funds).await?;
    send(chain, chain.registry().addKeeper(account), "registering the keeper").await?;
    Ok(account)
}

async fn transfer(chain: &Chain, to: Address, amount: U256) -> anyhow::Result<()> {
    let request = TransactionRequest::default().with_to(to).with_value(amount);
    send_ether(chain, request, &format!("funding {to}")).await?;
    Ok(())
}

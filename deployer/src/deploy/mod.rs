//! Puts the programs on a chain: CREATE2 through the deterministic deployer and activation
//! through ArbWasm; the registry is initialised in the transaction that creates it.
//!
//! Every address follows from the bytes and the parameters, so a second run finds what the
//! first one made and goes on where it stopped.

mod activate;
mod chain;
mod create2;
mod launch;
mod plan;

pub use create2::DETERMINISTIC_DEPLOYER;
pub use plan::Plan;

use crate::artifacts::Artifacts;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{PendingTransactionError, Provider};
use alloy::transports::TransportError;
use bindings::{AgentRegistry, ENTRY_POINT_V08};
use serde::{Deserialize, Serialize};

/// What the registry starts with.
#[derive(Clone, Debug)]
pub struct Params {
    /// Sets fees and keepers, gets the protocol fee.
    pub owner: Address,
    /// Keeper's share of a charge, basis points.
    pub keeper_bps: u16,
    /// Owner's share of a charge, basis points; both together at most 2000.
    pub protocol_bps: u16,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain.
    pub chain_id: u64,
    /// The EntryPoint that accounts are built for.
    pub entry_point: Address,
    /// The registry: a Stylus program, initialised when it was created.
    pub registry: Address,
    /// The program behind accounts.
    pub account_implementation: Address,
    /// Creates accounts.
    pub factory: Address,
}

/// The programs could not be put on the chain.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node does not answer, or refuses.
    #[error("{what}: {source}")]
    Rpc {
        /// What was being done.
        what: String,
        /// The node's answer.
        source: TransportError,
    },
    /// A transaction was sent and then lost sight of.
    #[error("{what}: {source}")]
    Pending {
        /// What was being done.
        what: String,
        /// What happened.
        source: PendingTransactionError,
    },
    /// A transaction was included and failed.
    #[error("{what}: transaction {transaction} reverted; see it with `cast run {transaction}`")]
    Reverted {
        /// What was being done.
        what: String,
        /// The transaction.
        transaction: B256,
    },
    /// The chain lacks a contract that must be there before.
    #[error(
        "chain {chain_id} has no {what} at {address}; deploy it first, it is the same everywhere"
    )]
    Missing {
        /// The contract.
        what: &'static str,
        /// Where it belongs.
        address: Address,
        /// The chain.
        chain_id: u64,
    },
    /// The chain cannot run WASM.
    #[error(
        "chain {chain_id} has no ArbWasm precompile at 0x71: it is not an Arbitrum Stylus chain"
    )]
    NotStylus {
        /// The chain.
        chain_id: u64,
    },
    /// The parameters cannot be right.
    #[error("{0}")]
    Params(&'static str),
    /// Something was created and is not what it should be.
    #[error("{what} at {address} is not what was deployed")]
    Mismatch {
        /// The contract.
        what: &'static str,
        /// Where.
        address: Address,
    },
}

/// Puts everything on the provider's chain that is not yet there. The provider must be able
/// to send transactions; whoever pays gets no rights by it.
pub async fn deploy<P: Provider>(
    provider: &P,
    artifacts: &Artifacts,
    params: &Params,
) -> Result<Deployment, DeployError> {
    let plan = Plan::new(artifacts, params)?;
    let chain_id = chain::check(provider).await?;
    for program in [&plan.account, &plan.factory] {
        create2::ensure(provider, program, U256::ZERO).await?;
        activate::ensure(provider, program).await?;
    }
    let fee = activate::needed(provider, &plan.registry).await?;
    create2::ensure(provider, &plan.registry, fee).await?;
    // Only after a year: then the code stands and its activation has expired.
    activate::ensure(provider, &plan.registry).await?;
    check_registry(provider, &plan).await?;
    Ok(Deployment {
        chain_id,
        entry_point: ENTRY_POINT_V08,
        registry: plan.registry.address,
        account_implementation: plan.account.address,
        factory: plan.factory.address,
    })
}

/// It answers and was initialised. Who owns it now is not compared: it may have changed hands
/// since.
async fn check_registry<P: Provider>(provider: &P, plan: &Plan) -> Result<(), DeployError> {
    let address = plan.registry.address;
    let registry = AgentRegistry::new(address, provider);
    let mismatch = || DeployError::Mismatch { what: "AgentRegistry", address };
    let owner = registry.owner().call().await.map_err(|_| mismatch())?;
    if owner.is_zero() { Err(mismatch()) } else { Ok(()) }
}

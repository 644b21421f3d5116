//! Bindings of the three AgentNexus programs.

#![allow(clippy::too_many_arguments, reason = "generated: one argument per event field")]

use alloy::sol;

sol!(
    /// Listings, purchases, escrow and settlement.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    AgentRegistry,
    "abi/AgentRegistry.json"
);

sol!(
    /// ERC-4337 smart account with one ECDSA owner and ERC-7821 batches.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    AgentAccount,
    "abi/AgentAccount.json"
);

sol!(
    /// Deterministic ERC-1967 proxies of an account implementation.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    AccountFactory,
    "abi/AccountFactory.json"
);

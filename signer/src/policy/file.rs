//! The policy as TOML, and what makes it consistent.

use alloy_primitives::{Address, U256, hex, keccak256};
use domain::calls::selectors;
use domain::userop::ENTRY_POINT_V08;
use serde::Deserialize;

use super::{Allowed, Policy};
use crate::config::Wei;

/// A policy whose values make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct PolicyError {
    key: &'static str,
    problem: String,
}

/// The `[policy]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The only chain.
    pub chain_id: u64,
    /// The only EntryPoint; the canonical v0.8 one if not given.
    #[serde(default = "default_entry_point")]
    pub entry_point: Address,
    /// The keeper's smart account.
    pub account: Address,
    /// The registry.
    pub registry: Address,
    /// Calls allowed besides the registry's `settle`.
    #[serde(default)]
    pub allow: Vec<AllowFile>,
    /// Most wei that one operation may send; none if not given.
    #[serde(default)]
    pub max_value: Wei,
    /// Most gas of one operation.
    pub max_operation_gas: u64,
    /// Most gas of one bundle transaction.
    pub max_bundle_gas: u64,
    /// Highest fee per gas.
    pub max_fee_per_gas: Wei,
    /// Most wei that a UTC day's signatures may cost.
    pub daily_budget: Wei,
}

/// One `[[policy.allow]]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowFile {
    /// Who may be called.
    pub target: Address,
    /// `name(types)` or a selector, `0x` and 8 digits.
    pub function: String,
}

const fn default_entry_point() -> Address {
    ENTRY_POINT_V08
}

impl TryFrom<PolicyFile> for Policy {
    type Error = PolicyError;

    fn try_from(file: PolicyFile) -> Result<Self, PolicyError> {
        for (key, value) in [
            ("policy.chain_id", file.chain_id),
            ("policy.max_operation_gas", file.max_operation_gas),
            ("policy.max_bundle_gas", file.max_bundle_gas),
        ] {
            if value == 0 {
                return Err(PolicyError { key, problem: "must not be 0".into() });
            }
        }
        for (key, address) in [
            ("policy.entry_point", file.entry_point),
            ("policy.account", file.account),
            ("policy.registry", file.registry),
        ] {
            if address.is_zero() {
                return Err(PolicyError { key, problem: "must not be the zero address".into() });
            }
        }
        let max_fee_per_gas = u128::try_from(file.max_fee_per_gas.0).map_err(|_| PolicyError {
            key: "policy.max_fee_per_gas",
            problem: format!("is {}: expected less than 2^128 wei", file.max_fee_per_gas.0),
        })?;
        if file.daily_budget.0 == U256::ZERO {
            let problem = "is 0: nothing could ever be signed".into();
            return Err(PolicyError { key: "policy.daily_budget", problem });
        }
        let allow = file.allow.iter().map(|rule| allowed(rule, &file)).collect::<Result<_, _>>()?;
        Ok(Self {
            chain_id: file.chain_id,
            entry_point: file.entry_point,
            account: file.account,
            registry: file.registry,
            allow,
            max_value: file.max_value.0,
            max_operation_gas: file.max_operation_gas,
            max_bundle_gas: file.max_bundle_gas,
            max_fee_per_gas,
            daily_budget: file.daily_budget.0,
        })
    }
}

fn allowed(rule: &AllowFile, file: &PolicyFile) -> Result<Allowed, PolicyError> {
    let selector = selector(&rule.function)?;
    if selector == selectors::SETTLE {
        let problem = "lists settle, which is always allowed at policy.registry and nowhere else";
        return Err(PolicyError { key: "policy.allow.function", problem: problem.into() });
    }
    // The account may call itself, and the EntryPoint would let it spend its deposit.
    if [Address::ZERO, file.account, file.entry_point].contains(&rule.target) {
        let problem = format!("is {}: the account's own affairs need its owner", rule.target);
        return Err(PolicyError { key: "policy.allow.target", problem });
    }
    Ok(Allowed { target: rule.target, selector })
}

fn selector(function: &str) -> Result<[u8; 4], PolicyError> {
    let mut selector = [0; 4];
    if let Some(digits) = function.strip_prefix("0x")
        && hex::decode_to_slice(digits, &mut selector).is_ok()
    {
        return Ok(selector);
    }
    let shape = |c: char| c.is_ascii_alphanumeric() || "_(),[]".contains(c);
    if function.chars().all(shape)
        && function.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && function.contains('(')
        && function.ends_with(')')
    {
        selector.copy_from_slice(&keccak256(function)[..4]);
        return Ok(selector);
    }
    let problem = format!("is `{function}`: expected `name(types)` or `0x` and 8 digits");
    Err(PolicyError { key: "policy.allow.function", problem })
}

//! `nexus-signer check-config`.

use std::path::PathBuf;

use alloy_primitives::hex;
use clap::Args;
use signer::config::Config;

use crate::output;

/// Flags of `check-config`.
#[derive(Args)]
pub struct CheckConfig {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl CheckConfig {
    /// Prints what the configuration allows, or fails with the key that is wrong.
    pub fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let policy = &config.policy;
        output::line(&format!("keystore  {}", config.keystore.display()));
        output::line(&format!("journal   {}", config.journal.display()));
        let socket = &config.socket;
        output::line(&format!(
            "socket    {} for users {:?}",
            socket.path.display(),
            socket.allowed_uids
        ));
        output::line(&format!(
            "signs     for account {} on chain {}, EntryPoint {}",
            policy.account, policy.chain_id, policy.entry_point
        ));
        output::line(&format!("allows    settle at {}", policy.registry));
        for rule in &policy.allow {
            let selector = hex::encode(rule.selector);
            output::line(&format!("allows    0x{selector} at {}", rule.target));
        }
        output::line(&format!(
            "caps      {} gas an operation, {} gas a bundle, {} wei per gas, {} wei of value",
            policy.max_operation_gas,
            policy.max_bundle_gas,
            policy.max_fee_per_gas,
            policy.max_value
        ));
        output::line(&format!("budget    {} wei a day", policy.daily_budget));
        Ok(())
    }
}

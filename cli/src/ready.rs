//! The ready file: what a running local network tells other programs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use anyhow::Context as _;
use deployer::Deployment;
use serde::{Deserialize, Serialize};

use crate::output::{Report, fields, table};

/// Everything a program needs to use a local network. The keys in it are the published
/// development keys and worth nothing anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadyFile {
    /// HTTP JSON-RPC.
    pub rpc_url: String,
    /// WebSocket JSON-RPC.
    pub ws_url: String,
    /// The keeper's HTTP API.
    pub api_url: String,
    /// Chain id.
    pub chain_id: u64,
    /// Where the contracts are.
    pub contracts: Contracts,
    /// Funded accounts with their keys.
    pub accounts: Vec<Account>,
}

/// Addresses of the deployed contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contracts {
    /// ERC-4337 EntryPoint.
    pub entry_point: Address,
    /// The registry.
    pub registry: Address,
    /// The program behind every smart account.
    pub account_implementation: Address,
    /// Makes smart accounts.
    pub factory: Address,
    /// The keeper's smart account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper_account: Option<Address>,
}

impl From<&Deployment> for Contracts {
    fn from(deployment: &Deployment) -> Self {
        Self {
            entry_point: deployment.entry_point,
            registry: deployment.registry,
            account_implementation: deployment.account_implementation,
            factory: deployment.factory,
            keeper_account: None,
        }
    }
}

/// A funded development account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// What the account is used for: `protocol`, `publisher`, `buyer`, `payee`, `user5`, ...
    pub role: String,
    /// Its address.
    pub address: Address,
    /// Its private key.
    pub private_key: B256,
}

/// Names of the first development accounts, in their order.
pub const ROLES: [&str; 4] = ["protocol", "publisher", "buyer", "payee"];

/// The role of the development account with this index (0-based).
pub fn role(index: usize) -> String {
    ROLES.get(index).map_or_else(|| format!("user{index}"), |name| (*name).to_owned())
}

impl ReadyFile {
    /// Reads a ready file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| {
            format!(
                "the ready file {} cannot be read; is `nexus dev` running with this --ready-file?",
                path.display()
            )
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not a ready file of `nexus dev`", path.display()))
    }

    /// Writes the file so that a reader sees all of it or nothing.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .with_context(|| format!("creating the folder {}", folder.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder)
            .with_context(|| format!("writing beside {}", path.display()))?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.as_file().sync_all()?;
        file.persist(path).with_context(|| format!("writing the ready file {}", path.display()))?;
        Ok(())
    }

    /// Finds an account by role (`buyer`) or by number (`2`).
    pub fn account(&self, name: &str) -> Option<&Account> {
        let by_number = name.parse::<usize>().ok().and_then(|index| self.accounts.get(index));
        by_number.or_else(|| self.accounts.iter().find(|account| account.role == name))
    }
}

impl Report for ReadyFile {
    fn human(&self) -> String {
        let mut rows = vec![
            ("chain", format!("{} (id {})", self.rpc_url, self.chain_id)),
            ("keeper API", self.api_url.clone()),
            ("registry", self.contracts.registry.to_string()),
            ("entry point", self.contracts.entry_point.to_string()),
        ];
        if let Some(account) = self.contracts.keeper_account {
            rows.push(("keeper account", account.to_string()));
        }
        let accounts: Vec<Vec<String>> = self
            .accounts
            .iter()
            .map(|a| {
                vec![format!("dev:{}", a.role), a.address.to_string(), a.private_key.to_string()]
            })
            .collect();
        let accounts =
            table(&["account", "address", "private key (public knowledge)"], &[], &accounts);
        format!(
            "{}
{accounts}",
            fields(&rows)
        )
    }
}

/// The folder of what commands remember for this user.
pub fn state_folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")))?;
    Some(state.join("agentnexus"))
}

/// Where `nexus dev` writes when no path is given, and where other commands look.
pub fn default_path() -> Option<PathBuf> {
    Some(state_folder()?.join("ready.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ReadyFile {
        let account = |n: u8| Account {
            role: role(n.into()),
            address: Address::with_last_byte(n),
            private_key: B256::with_last_byte(n),
        };
        ReadyFile {
            rpc_url: "http://127.0.0.1:1".into(),
            ws_url: "ws://127.0.0.1:1".into(),
            api_url: "http://127.0.0.1:2".into(),
            chain_id: 412346,
            contracts: Contracts {
                entry_point: Address::with_last_byte(1),
                registry: Address::with_last_byte(2),
                account_implementation: Address::with_last_byte(4),
                factory: Address::with_last_byte(5),
                keeper_account: None,
            },
            accounts: (0..6).map(account).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/ready.json");
        sample().write(&path).unwrap();
        assert_eq!(ReadyFile::read(&path).unwrap(), sample());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no litter");
    }

    #[test]
    fn accounts_are_found_by_role_and_number() {
        let ready = sample();
        assert_eq!(ready.account("buyer"), ready.account("2"));
        assert_eq!(ready.account("user5").unwrap().address, Address::with_last_byte(5));
        assert!(ready.account("nobody").is_none());
    }
}

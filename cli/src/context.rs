//! What a command works with: where the chain, the contracts and the keeper are.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::{
    api::Api,
    args::Globals,
    chain::Chain,
    keys::KeyArgs,
    outgoing::{Courier, Kept},
    output::Output,
    ready::{self, Contracts, ReadyFile},
};

/// Global options, resolved against the ready file of a running local network.
#[derive(Debug)]
pub struct Context {
    /// Where to write.
    pub out: Output,
    globals: Globals,
    ready: Option<ReadyFile>,
    courier: Courier,
}

impl Context {
    /// Reads the ready file, if one is named or a local network is running.
    pub fn new(globals: Globals) -> anyhow::Result<Self> {
        let ready = match &globals.ready_file {
            Some(path) => Some(ReadyFile::read(path)?),
            None => ready::default_path()
                .filter(|path| path.exists())
                .map(|path| ReadyFile::read(&path))
                .transpose()?,
        };
        let out = Output::new(globals.json, globals.quiet);
        let kept = ready::state_folder().map(|state| Kept::at(state.join("transactions")));
        Ok(Self { out, globals, ready, courier: Courier::new(out, kept) })
    }

    /// A context for a network that this process itself runs: what is sent on it is worth
    /// nothing once it is gone.
    pub fn of(out: Output, ready: ReadyFile) -> Self {
        let courier = Courier::new(Output::new(false, true), None);
        Self { out, globals: Globals::default(), ready: Some(ready), courier }
    }

    /// The courier of this command's transactions.
    pub fn courier(&self) -> &Courier {
        &self.courier
    }

    /// The ready file, if there is one.
    pub fn ready(&self) -> Option<&ReadyFile> {
        self.ready.as_ref()
    }

    /// The chain's RPC URL.
    pub fn rpc_url(&self) -> anyhow::Result<&str> {
        self.globals
            .rpc_url
            .as_deref()
            .or(self.ready.as_ref().map(|r| r.rpc_url.as_str()))
            .context("no chain: give --rpc-url URL (or NEXUS_RPC_URL), or start `nexus dev`")
    }

    /// The keeper's API.
    pub fn api(&self) -> anyhow::Result<Api> {
        let url = self
            .globals
            .api_url
            .as_deref()
            .or(self.ready.as_ref().map(|r| r.api_url.as_str()))
            .context("no keeper: give --api-url URL (or NEXUS_API_URL), or start `nexus dev`")?;
        Api::new(url)
    }

    /// Contract addresses and the chain id they are for.
    pub fn contracts(&self) -> anyhow::Result<(u64, Contracts)> {
        if let Some(path) = &self.globals.deployment {
            return read_deployment(path);
        }
        let ready = self.ready.as_ref().context(
            "no contract addresses: give --deployment FILE (what `nexus --json contracts deploy` \
             printed) with --rpc-url URL, or start `nexus dev`",
        )?;
        Ok((ready.chain_id, ready.contracts.clone()))
    }

    /// A connection that can only read.
    pub async fn reader(&self) -> anyhow::Result<Chain> {
        let (chain_id, contracts) = self.contracts()?;
        let courier = self.courier.clone();
        Chain::connect(self.rpc_url()?, chain_id, contracts, None, courier).await
    }

    /// A connection that signs with the user's key.
    pub async fn writer(&self, keys: &KeyArgs) -> anyhow::Result<Chain> {
        let (chain_id, contracts) = self.contracts()?;
        let signer = keys.load(self.ready.as_ref())?;
        let courier = self.courier.clone();
        Chain::connect(self.rpc_url()?, chain_id, contracts, Some(signer), courier).await
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentFile {
    chain_id: u64,
    #[serde(flatten)]
    contracts: Contracts,
}

fn read_deployment(path: &Path) -> anyhow::Result<(u64, Contracts)> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("reading the deployment file {}", path.display()))?;
    let file: DeploymentFile = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is not a deployment (expected the JSON that `nexus --json contracts deploy` prints)",
            path.display()
        )
    })?;
    Ok((file.chain_id, file.contracts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deployment.json");
        let address = |n: u8| alloy::primitives::Address::with_last_byte(n).to_string();
        let text = serde_json::json!({
            "chainId": 7, "entryPoint": address(1), "registry": address(2),
            "accountImplementation": address(4),
            "factory": address(5),
        });
        fs::write(&path, text.to_string()).unwrap();
        let (chain_id, contracts) = read_deployment(&path).unwrap();
        assert_eq!(chain_id, 7);
        assert_eq!(contracts.factory, alloy::primitives::Address::with_last_byte(5));
    }
}

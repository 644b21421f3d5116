//! The contracts: built if their sources changed, deployed on the local chain.

use std::{path::Path, time::Instant};

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context as _;
use deployer::{Artifacts, Params, Size, Workspace};
use devnet::Devnet;

use crate::{
    chain::{self, Wallet},
    outgoing::Courier,
    output::Output,
    ready::Contracts,
};

/// Fees of the local network, hundredths of a percent of a run's price.
const KEEPER_BPS: u16 = 500;
const PROTOCOL_BPS: u16 = 250;

/// Built programs with their sizes.
#[derive(Debug)]
pub struct Programs {
    artifacts: Artifacts,
    /// Sizes, as far as the build reported them.
    pub sizes: Vec<Size>,
}

/// What was deployed.
#[derive(Debug)]
pub struct Deployed {
    /// Chain id.
    pub chain_id: u64,
    /// Where everything is.
    pub contracts: Contracts,
}

/// Builds the contracts, or finds them up to date, or takes the folder that
/// `NEXUS_ARTIFACTS` names.
pub async fn programs(out: Output, root: Option<&Path>) -> anyhow::Result<Programs> {
    if std::env::var_os("NEXUS_ARTIFACTS").is_some() {
        let artifacts = Artifacts::load(&deployer::artifacts_dir()?)?;
        return Ok(Programs { artifacts, sizes: Vec::new() });
    }
    let workspace = root.map_or_else(Workspace::find, |root| Ok(Workspace::at(root)))?;
    let dir = workspace.output();
    if !dir.join("registry.code").is_file() {
        out.component("contracts", "building to WASM for the first time; this takes a minute");
    }
    let begun = Instant::now();
    let report = tokio::task::spawn_blocking(move || deployer::build(&workspace))
        .await?
        .context("building the contracts (scripts/setup installs what it needs)")?;
    let how = if report.fresh { "built" } else { "up to date" };
    out.component("contracts", &format!("{how} after {:.1} s", begun.elapsed().as_secs_f64()));
    for Size { name, wasm, code } in &report.sizes {
        let line = format!("{name:<8} {wasm:>6} bytes of WASM, {code:>6} on the chain");
        out.component("contracts", &line);
    }
    Ok(Programs { artifacts: Artifacts::load(&dir)?, sizes: report.sizes })
}

/// Deploys and activates everything; `owner` pays and owns the registry.
pub async fn deploy(
    out: Output,
    devnet: &Devnet,
    programs: &Programs,
    owner: PrivateKeySigner,
) -> anyhow::Result<Deployed> {
    let begun = Instant::now();
    let params =
        Params { owner: owner.address(), keeper_bps: KEEPER_BPS, protocol_bps: PROTOCOL_BPS };
    let courier = Courier::new(Output::new(false, true), None);
    let wallet = Wallet { signer: owner, courier };
    let provider = chain::connect(&devnet.rpc_url(), Some(&wallet)).await?;
    let done = deployer::deploy(&provider, &programs.artifacts, &params)
        .await
        .context("deploying the contracts")?;
    let contracts = Contracts::from(&done);
    let seconds = begun.elapsed().as_secs_f64();
    out.component("contracts", &format!("deployed and activated after {seconds:.1} s"));
    out.component("contracts", &format!("registry {}", contracts.registry));
    out.component("contracts", &format!("factory  {}", contracts.factory));
    Ok(Deployed { chain_id: done.chain_id, contracts })
}

//! What the binary prints: where it listens, the dev accounts and the contracts.

#![allow(clippy::print_stdout, reason = "standard output is this binary's result")]

use super::{Options, Output};
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use devnet::{Config, Devnet, genesis};
use serde_json::{Value, json};

/// Prints a shell's completion script.
pub fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut Options::command(), "nexus-devnet", &mut std::io::stdout());
}

/// Says that the chain is ready, in the way that was asked for.
pub fn started(devnet: &Devnet, config: &Config, output: &Output) -> anyhow::Result<()> {
    if let Some(path) = &output.config_out {
        let text = serde_json::to_vec_pretty(&description(devnet, config))?;
        std::fs::write(path, text)
            .with_context(|| format!("--config-out {}: cannot be written", path.display()))?;
    }
    if output.json {
        println!("{}", description(devnet, config));
    } else if output.quiet {
        println!("{}", devnet.rpc_url());
    } else {
        banner(devnet, config);
    }
    Ok(())
}

fn description(devnet: &Devnet, config: &Config) -> Value {
    let accounts = devnet
        .accounts()
        .iter()
        .map(|account| json!({ "address": account.address, "privateKey": account.private_key }));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "rpcUrl": devnet.rpc_url(),
        "wsUrl": devnet.ws_url(),
        "chainId": config.chain_id,
        "arbos": config.arbos,
        "mnemonic": config.mnemonic,
        "accounts": accounts.collect::<Vec<_>>(),
        "contracts": genesis::contracts()
            .map(|(name, address)| json!({ "name": name, "address": address }))
            .collect::<Vec<_>>(),
    })
}

fn banner(devnet: &Devnet, config: &Config) {
    println!("nexus-devnet {}", env!("CARGO_PKG_VERSION"));
    println!();
    println!("HTTP       {}", devnet.rpc_url());
    println!("WebSocket  {}", devnet.ws_url());
    println!("Chain id   {}, ArbOS {}", config.chain_id, config.arbos);
    println!("Mining     {}", mining(config));
    if let Some(path) = &config.load_state {
        println!("State      loaded from {}", path.display());
    }
    if let Some(path) = &config.dump_state {
        println!("State      saved to {} at the end", path.display());
    }
    println!();
    println!("Contracts");
    for (name, address) in genesis::contracts() {
        println!("    {address}  {name}");
    }
    if devnet.accounts().is_empty() {
        return;
    }
    println!();
    let eth = alloy::primitives::utils::format_ether(config.balance);
    let eth = eth.trim_end_matches('0').trim_end_matches('.');
    println!("Dev accounts with {eth} ETH each. Their keys are public: send nothing real there.");
    for (index, account) in devnet.accounts().iter().enumerate() {
        println!("({index}) {}  {}", account.address, account.private_key);
    }
    println!();
    println!("Mnemonic   {}", config.mnemonic);
    println!("Path       m/44'/60'/0'/0/(index)");
}

fn mining(config: &Config) -> String {
    match config.block_time {
        _ if config.no_mining => "on request".to_owned(),
        None => "a block for each transaction".to_owned(),
        Some(period) if config.mixed_mining => {
            format!("a block for each transaction, and one every {period:?}")
        }
        Some(period) => format!("a block every {period:?}"),
    }
}

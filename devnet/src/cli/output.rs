//! What the binary prints: where it listens, and the dev accounts.

#![allow(clippy::print_stdout, reason = "standard output is this binary's result")]

use devnet::Devnet;

/// Prints the URL, and unless `quiet` the accounts with their keys.
pub fn banner(devnet: &Devnet, chain_id: u64, quiet: bool) {
    if quiet {
        println!("{}", devnet.rpc_url());
        return;
    }
    println!("nexus-devnet {}", env!("CARGO_PKG_VERSION"));
    println!();
    println!("HTTP       {}", devnet.rpc_url());
    println!("WebSocket  {}", devnet.ws_url());
    println!("Chain id   {chain_id}");
    println!("EntryPoint {} (v0.8)", devnet::genesis::ENTRY_POINT);
    println!();
    println!("Dev accounts (their keys are public: never send real funds there)");
    for (index, account) in devnet.accounts().iter().enumerate() {
        println!("({index}) {}  {}", account.address, account.private_key);
    }
}

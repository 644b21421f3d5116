//! The one place that writes results to stdout.
#![allow(clippy::print_stdout)]

use signer::keystore::Addresses;

/// Prints the addresses of the two keys, for people or as one JSON object.
pub fn addresses(addresses: &Addresses, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(addresses)?);
    } else {
        println!("owner    {}", addresses.owner);
        println!("bundler  {}", addresses.bundler);
    }
    Ok(())
}

/// Prints a line of text.
pub fn line(text: &str) {
    println!("{text}");
}

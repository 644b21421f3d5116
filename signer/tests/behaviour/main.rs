//! The signer's behaviour, from policy rules to the running binary.

mod binary;
mod bundles;
mod dependencies;
mod fixture;
mod journal;
mod operations;
mod receipts;
mod secrets;
mod server;

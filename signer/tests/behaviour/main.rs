//! The signer's behaviour, from policy rules to the running binary.

#[cfg(test)]
mod binary;
#[cfg(test)]
mod bundles;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;

//! The hashes of what crosses the chain: input, result, log and manifest are all `keccak256`.

use alloy_primitives::B256;
pub use alloy_primitives::keccak256;

/// `inputHash`: what a buyer commits to in a purchase.
pub fn input_hash(input: &[u8]) -> B256 {
    keccak256(input)
}

/// `resultHash`: the bytes that the agent wrote to its standard output.
pub fn result_hash(result: &[u8]) -> B256 {
    keccak256(result)
}

/// `logHash`: the bytes that the agent wrote to its standard error, as far as they were kept.
pub fn log_hash(log: &[u8]) -> B256 {
    keccak256(log)
}

/// `manifestHash`: the manifest exactly as published, byte for byte.
pub fn manifest_hash(manifest: &[u8]) -> B256 {
    keccak256(manifest)
}

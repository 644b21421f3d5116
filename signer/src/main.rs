//! The `nexus-signer` binary.
fn main() {}

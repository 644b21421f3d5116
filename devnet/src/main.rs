//! The `nexus-devnet` binary.
fn main() {}

//! The `nexus-keeper` binary.
fn main() {}

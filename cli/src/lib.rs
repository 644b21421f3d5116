//! The nexus command: thin commands over the library crates.

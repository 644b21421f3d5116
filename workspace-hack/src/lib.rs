//! Unifies the features of third-party crates; no code.

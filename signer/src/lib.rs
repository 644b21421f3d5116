//! The process that holds the keys: policy, journal and signatures behind a Unix socket.
//!
//! A request carries the full meaning of what is to be signed. The signer recomputes the hash,
//! checks its [`policy`], records the signature in its [`journal`] and only then signs. It needs
//! no network and no chain.
#![forbid(unsafe_code)]

pub mod config;
pub mod harden;
pub mod journal;
pub mod keys;
pub mod keystore;
pub mod password;
pub mod policy;
pub mod refusal;
pub mod server;
pub mod service;

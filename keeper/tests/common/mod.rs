//! A whole small world for each test: real chain, real contracts, real signer and keeper
//! processes, real containers. The keeper speaks to node and signer through proxies that
//! tests can halt, so that a process can be killed at an exact place.
#![allow(dead_code)] // Each test binary uses its own part of this.

pub mod agent;
pub mod containers;
pub mod crafted;
pub mod docker_proxy;
pub mod docker_refusals;
pub mod faults;
pub mod faulty_node;
pub mod gate;
pub mod keeper;
pub mod rpc_proxy;
pub mod signer;
pub mod signer_proxy;
pub mod wait;
pub mod world;

pub use world::World;

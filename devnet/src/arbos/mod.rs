//! ArbOS: the chain's own state and the precompiles that read and change it.

pub mod activation;
pub mod genesis;
pub mod merkle;
pub mod params;
pub mod precompiles;
pub mod programs;
pub mod space;
pub mod world;

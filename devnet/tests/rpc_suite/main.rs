//! The chain as its clients see it: real clients against a real server.

#[cfg(test)]
mod arbitrum;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod controls;
#[cfg(test)]
mod entry_point;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod genesis;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod node_interface;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reorg;
#[cfg(test)]
mod saved;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod stylus;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tracing;
#[cfg(test)]
mod tracing_bundler;
#[cfg(test)]
mod tracing_kinds;
#[cfg(test)]
mod tracing_programs;
#[cfg(test)]
mod tracing_scripts;
#[cfg(test)]
mod transactions;

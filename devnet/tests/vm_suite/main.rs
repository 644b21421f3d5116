//! The engine by itself, on a chain in a map: gas and ink to the unit, validation,
//! activation, the ArbOS precompiles.

#[cfg(test)]
mod abi;
#[cfg(test)]
mod accounts;
#[cfg(test)]
mod activation;
#[cfg(test)]
mod arguments;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod host;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ink;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod parent;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod support;
#[cfg(test)]
mod system;
#[cfg(test)]
mod versions;

//! Real clients, and another node, against the chain. `scripts/setup --tests` installs them.

#[cfg(test)]
mod alto;
#[cfg(test)]
mod bundler;
#[cfg(test)]
mod cargo_stylus;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod foundry;
#[cfg(test)]
mod javascript;
#[cfg(test)]
mod process;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod smart;
#[cfg(test)]
mod solidity;

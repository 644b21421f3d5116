//! Everything the factory refuses with. What an implementation's initialiser reverts with
//! is passed on as it is.

extern crate alloc;

use alloc::vec::Vec;
use alloy_sol_types::sol;
use stylus_sdk::prelude::*;

sol! {
    #![sol(all_derives)]

    error ZeroAddress();
    error NoImplementation(address implementation);
    error CreationFailed();
}

/// Any refusal of the factory itself; on the wire it is the Solidity error inside.
#[allow(missing_docs, reason = "each variant is the error of the same name")]
#[derive(SolidityError, Debug, PartialEq)]
pub enum FactoryError {
    ZeroAddress(ZeroAddress),
    NoImplementation(NoImplementation),
    CreationFailed(CreationFailed),
}

/// Revert data: ours or an initialiser's.
pub type Revert = Vec<u8>;

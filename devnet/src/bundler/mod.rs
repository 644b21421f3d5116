//! A bundler in the node: takes ERC-4337 user operations and sends them to the EntryPoint.
//!
//! Everything is judged by running the EntryPoint's own code on a view of the chain. Opcode and
//! storage rules (ERC-7562) and reputation are not enforced: nobody can harm a development chain.

mod contract;
mod error;
mod estimate;
mod events;
mod lenient;
mod operation;
mod pool;
mod simulate;

pub use contract::PackedUserOperation;
pub use error::BundlerError;
pub use estimate::{GasLimits, estimate};
pub use events::{FoundOperation, OperationPlace, OperationReceipt, find};
pub use operation::UserOperation;
pub use pool::{Entry, OperationPool};
pub use simulate::{Bundle, accept};

use crate::accounts::DevAccount;
use crate::error::Error;
use alloy::signers::local::{MnemonicBuilder, coins_bip39};

/// Where the bundler's key is, apart from the dev accounts, under the chain's mnemonic.
const PATH: &str = "m/44'/60'/0'/4337/0";

/// The account that sends and pays for bundles.
pub fn account(mnemonic: &str) -> Result<DevAccount, Error> {
    let signer = MnemonicBuilder::<coins_bip39::English>::default()
        .phrase(mnemonic)
        .derivation_path(PATH)?
        .build()?;
    Ok(DevAccount { address: signer.address(), private_key: signer.to_bytes() })
}

//! The development accounts, derived from the well-known mnemonic.

use alloy::primitives::{Address, B256};
use alloy::signers::local::{LocalSignerError, MnemonicBuilder, PrivateKeySigner, coins_bip39};

/// The mnemonic that every Ethereum development chain knows. Never fund it elsewhere.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// A funded account whose key is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevAccount {
    /// Its address.
    pub address: Address,
    /// Its secp256k1 private key.
    pub private_key: B256,
}

impl DevAccount {
    /// A signer for the account's transactions.
    pub fn signer(&self) -> Result<PrivateKeySigner, LocalSignerError> {
        PrivateKeySigner::from_bytes(&self.private_key).map_err(LocalSignerError::from)
    }
}

/// The first `count` accounts under m/44'/60'/0'/0.
pub fn derive(mnemonic: &str, count: u32) -> Result<Vec<DevAccount>, LocalSignerError> {
    let parent = MnemonicBuilder::<coins_bip39::English>::default()
        .phrase(mnemonic)
        .derivation_path("m/44'/60'/0'/0/0")?
        .build_parent_key()?;
    (0..count)
        .map(|index| {
            let signer = parent.child(index)?.signer();
            Ok(DevAccount { address: signer.address(), private_key: signer.to_bytes() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{address, b256};

    #[test]
    fn the_first_accounts_are_the_well_known_ones() {
        let accounts = derive(MNEMONIC, 2).unwrap();
        assert_eq!(accounts[0].address, address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(
            accounts[0].private_key,
            b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
        );
        assert_eq!(accounts[1].address, address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"));
    }
}

//! The two keys: the owner of the keeper's smart account, and the bundler that sends for it.

use std::fmt;

use alloy_primitives::{Address, B256, Signature};
use k256::ecdsa::SigningKey;
use k256::elliptic_curve::rand_core::OsRng;
use zeroize::Zeroizing;

/// Bytes that are no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Zero, not below the curve's order, or not 32 bytes.
    #[error("these bytes are not a secp256k1 private key")]
    Invalid,
    /// The curve arithmetic failed, which no valid key and digest bring about.
    #[error("signing failed")]
    Signing,
}

/// A secp256k1 private key and its address. Wiped when dropped; prints as the address.
pub struct Key {
    secret: SigningKey,
    address: Address,
}

impl Key {
    /// A new key from the system's random source.
    pub fn generate() -> Self {
        SigningKey::random(&mut OsRng).into()
    }

    /// The key with the given 32 bytes.
    ///
    /// # Errors
    /// When they are not a private key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        // The curve's own function would pad fewer bytes with zeros.
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Invalid)?;
        SigningKey::from_bytes(bytes.into()).map(Self::from).map_err(|_| KeyError::Invalid)
    }

    /// The address that belongs to the key.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest deterministically (RFC 6979), with low s.
    ///
    /// # Errors
    /// When the curve arithmetic fails.
    pub fn sign(&self, digest: &B256) -> Result<Signature, KeyError> {
        let (signature, parity) = self
            .secret
            .sign_prehash_recoverable(digest.as_slice())
            .map_err(|_| KeyError::Signing)?;
        Ok(Signature::from((signature, parity)).normalized_s())
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }
}

impl From<SigningKey> for Key {
    fn from(secret: SigningKey) -> Self {
        let address = Address::from_public_key(secret.verifying_key());
        Self { secret, address }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Both keys of a signer.
#[derive(Debug)]
pub struct Keys {
    /// Owns the keeper's smart account; signs UserOperations and receipts.
    pub owner: Key,
    /// Sends bundles and pays their gas.
    pub bundler: Key,
}

impl Keys {
    /// Two new keys.
    pub fn generate() -> Self {
        Self { owner: Key::generate(), bundler: Key::generate() }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_key_has_its_known_address() {
        let bytes = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
        let key = Key::from_bytes(bytes.as_slice()).unwrap();
        assert_eq!(key.address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        let shown = format!("{key:?}");
        assert!(!shown.contains("ac0974") && shown.contains("f39fd6"), "{shown}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bytes in [&[0; 32][..], &[0xff; 32], &[1; 31], &[]] {
            assert_eq!(Key::from_bytes(bytes).unwrap_err(), KeyError::Invalid);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn signatures_are_canonical_and_deterministic(secret in 1u128.., digest: [u8; 32]) {
            let mut bytes = [0; 32];
            bytes[16..].copy_from_slice(&secret.to_be_bytes());
            let (key, digest) = (Key::from_bytes(&bytes).unwrap(), B256::from(digest));
            let signature = key.sign(&digest).unwrap();
            prop_assert_eq!(signature, key.sign(&digest).unwrap());
            let bytes = domain::signature::to_bytes(&signature);
            prop_assert_eq!(domain::signature::recover(&digest, &bytes), Ok(key.address()));
        }
    }
}

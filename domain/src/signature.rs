//! The 65-byte `r || s || v` signatures that accounts and receipts carry, strictly read.

use alloy_primitives::{Address, B256, Signature};

/// Why a signature cannot be accepted, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not exactly 65 bytes.
    #[error("a signature has 65 bytes, this one has {0}")]
    Length(usize),
    /// `v` is neither 27 nor 28.
    #[error("the signature's last byte must be 27 or 28, not {0}")]
    Parity(u8),
    /// The mirrored twin of a valid signature: accepting both would make signatures malleable.
    #[error("the signature's s is in the upper half of the curve order")]
    HighS,
    /// No public key fits.
    #[error("no key can have made this signature")]
    Unrecoverable,
}

/// Writes a signature as accounts expect it: `r || s || (27 | 28)`.
pub fn to_bytes(signature: &Signature) -> [u8; 65] {
    signature.as_bytes()
}

/// The address whose key signed `digest`.
///
/// # Errors
/// When the bytes are no canonical (low-s, `v` of 27 or 28) signature, or no key fits.
pub fn recover(digest: &B256, signature: &[u8]) -> Result<Address, SignatureError> {
    let bytes: &[u8; 65] =
        signature.try_into().map_err(|_| SignatureError::Length(signature.len()))?;
    if !matches!(bytes[64], 27 | 28) {
        return Err(SignatureError::Parity(bytes[64]));
    }
    let signature = Signature::from_bytes_and_parity(&bytes[..64], bytes[64] == 28);
    if signature.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    let address = signature
        .recover_address_from_prehash(digest)
        .map_err(|_| SignatureError::Unrecoverable)?;
    if address.is_zero() { Err(SignatureError::Unrecoverable) } else { Ok(address) }
}

//! Identities: purchases, agents and container images, and the nonces derived from them.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{B256, U256, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a number from 1 upwards that fits the id.
    #[error("`{text}` is not {what}: expected a whole number from 1")]
    NotAnId {
        /// What was refused.
        text: String,
        /// Which id was wanted.
        what: &'static str,
    },
    /// Not `sha256:` and 64 hexadecimal digits.
    #[error("`{0}` is not an image digest: expected `sha256:` followed by 64 hexadecimal digits")]
    NotADigest(String),
}

/// A purchase, numbered from 1 by the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PurchaseId(pub u64);

impl PurchaseId {
    /// The 192-bit ERC-4337 nonce key that belongs to one order alone: the first 128 bits of its
    /// hash, then the 64 bits of the purchase's number.
    ///
    /// The number alone would not do: after a reorganisation it may stand for another order,
    /// whose settlement must not wait for the nonce of the former one.
    pub fn nonce_key(self, order_hash: B256) -> U256 {
        let order = U256::from_be_bytes(order_hash.0) >> 128u32;
        (order << 64u32) | U256::from(self.0)
    }

    /// The account nonce of the settlement of an order: key, then the 64-bit sequence.
    ///
    /// Sequence 0 is the only one used until a settlement was mined and failed.
    pub fn nonce(self, order_hash: B256, sequence: u64) -> U256 {
        (self.nonce_key(order_hash) << 64u32) | U256::from(sequence)
    }

    /// Reads purchase and sequence from an account nonce; `None` when its key is no purchase's.
    pub fn from_nonce(nonce: U256) -> Option<(Self, u64)> {
        let [sequence, purchase, ..] = *nonce.as_limbs();
        (purchase != 0).then_some((Self(purchase), sequence))
    }
}

impl fmt::Display for PurchaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PurchaseId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.parse() {
            Ok(id) if id != 0 => Ok(Self(id)),
            _ => Err(IdError::NotAnId { text: text.into(), what: "a purchase id" }),
        }
    }
}

impl From<u64> for PurchaseId {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl From<PurchaseId> for u64 {
    fn from(id: PurchaseId) -> Self {
        id.0
    }
}

/// An agent, numbered from 1 by the registry. A decimal string in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub U256);

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AgentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match U256::from_str_radix(text, 10) {
            Ok(id) if !id.is_zero() => Ok(Self(id)),
            _ => Err(IdError::NotAnId { text: text.into(), what: "an agent id" }),
        }
    }
}

impl From<U256> for AgentId {
    fn from(id: U256) -> Self {
        Self(id)
    }
}

impl From<u64> for AgentId {
    fn from(id: u64) -> Self {
        Self(U256::from(id))
    }
}

impl Serialize for AgentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A container image by the SHA-256 digest of its manifest or configuration.
///
/// Written `sha256:<64 hex digits>`, in text and in JSON; on-chain it is a `bytes32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest(pub B256);

impl ImageDigest {
    /// `repository@sha256:…`, the reference that a pull needs.
    pub fn in_repository(&self, repository: &str) -> String {
        format!("{repository}@{self}")
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl FromStr for ImageDigest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = || IdError::NotADigest(text.into());
        let digits = text.strip_prefix("sha256:").ok_or_else(refused)?;
        let mut digest = B256::ZERO;
        if digits.len() != 64 {
            return Err(refused());
        }
        hex::decode_to_slice(digits, digest.as_mut_slice()).map_err(|_| refused())?;
        Ok(Self(digest))
    }
}

impl Serialize for ImageDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nonce_round_trips(id in 1u64.., order: [u8; 32], sequence: u64) {
            let nonce = PurchaseId(id).nonce(order.into(), sequence);
            prop_assert_eq!(PurchaseId::from_nonce(nonce), Some((PurchaseId(id), sequence)));
        }

        #[test]
        fn distinct_purchases_never_share_a_key(
            a in 1u64..,
            b in 1u64..,
            order: [u8; 32],
            s: u64,
            t: u64,
        ) {
            prop_assume!(a != b);
            let order = order.into();
            prop_assert_ne!(PurchaseId(a).nonce(order, s), PurchaseId(b).nonce(order, t));
        }

        #[test]
        fn distinct_orders_of_one_number_never_share_a_key(id in 1u64.., s: u64, t: u64, a: u8, b: u8) {
            prop_assume!(a != b);
            let nonce = |order, sequence| PurchaseId(id).nonce(B256::repeat_byte(order), sequence);
            prop_assert_ne!(nonce(a, s), nonce(b, t));
        }

        #[test]
        fn digest_round_trips(bytes: [u8; 32]) {
            let digest = ImageDigest(B256::from(bytes));
            prop_assert_eq!(digest.to_string().parse::<ImageDigest>().unwrap(), digest);
        }
    }

    #[test]
    fn nonces_outside_the_purchase_range_belong_to_nobody() {
        assert_eq!(PurchaseId::from_nonce(U256::from(5)), None);
        assert_eq!(PurchaseId::from_nonce(U256::from(1) << 128), None);
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        for text in ["", "0", "-1", "x", "1.5", "18446744073709551616"] {
            assert!(text.parse::<PurchaseId>().is_err(), "{text}");
        }
        for text in ["", "0", "-1", "0x1"] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
        let short = format!("sha256:{}", "a".repeat(63));
        for text in ["", "latest", "sha256:", "sha256:zz", short.as_str()] {
            assert!(text.parse::<ImageDigest>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_forms_are_readable() {
        let digest = ImageDigest(B256::repeat_byte(0xab));
        assert_eq!(serde_json::to_string(&PurchaseId(7)).unwrap(), "7");
        assert_eq!(serde_json::to_string(&AgentId::from(7)).unwrap(), "\"7\"");
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{digest}\""));
    }
}

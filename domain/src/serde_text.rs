//! How numbers too large for JSON's doubles are written: hexadecimal quantities, decimal money.

/// `u128` as an Ethereum quantity (`"0x5f5e100"`); decimal strings are read too.
pub mod quantity {
    use alloy_primitives::U128;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes a `0x` quantity without leading zeros.
    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        U128::from(*value).serialize(serializer)
    }

    /// Reads a `0x` quantity, a decimal string or a small number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        Ok(U128::deserialize(deserializer)?.to())
    }
}

/// A `uint96` amount of wei as a decimal string (`"1000000000000000"`).
pub mod wei {
    use alloy_primitives::aliases::U96;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes decimal digits.
    pub fn serialize<S: Serializer>(value: &U96, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads decimal digits; anything else, or more than 96 bits, is an error.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U96, D::Error> {
        let text = String::deserialize(deserializer)?;
        U96::from_str_radix(&text, 10)
            .map_err(|_| D::Error::custom(format!("`{text}` is not an amount of wei below 2^96")))
    }
}

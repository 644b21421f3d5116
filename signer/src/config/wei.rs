//! Amounts of wei as people write them: a number, or a string with a unit.

use std::str::FromStr;

use alloy_primitives::U256;
use alloy_primitives::utils::parse_units;
use serde::{Deserialize, Deserializer, de::Error};

/// An amount of wei; in TOML an integer, `"123"`, `"0.1 gwei"` or `"0.01 ether"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wei(pub U256);

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount: write wei (`1000`), or `0.1 gwei`, or `0.01 ether`")]
pub struct NotAnAmount(String);

impl FromStr for Wei {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let refused = || NotAnAmount(text.into());
        let (number, unit) = text.trim().split_once(' ').unwrap_or((text.trim(), "wei"));
        if !matches!(unit, "wei" | "gwei" | "ether") {
            return Err(refused());
        }
        let plain = |c: char| c.is_ascii_digit() || c == '.';
        if number.is_empty() || !number.chars().all(plain) {
            return Err(refused());
        }
        let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let most = match unit {
            "wei" => 0,
            "gwei" => 9,
            _ => 18,
        };
        if decimals > most {
            return Err(refused());
        }
        let parsed = parse_units(number, unit).map_err(|_| refused())?;
        Ok(Self(parsed.get_absolute()))
    }
}

impl<'de> Deserialize<'de> for Wei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Number(wei)) => Ok(Self(U256::from(wei))),
            Ok(Written::Text(text)) => text.parse().map_err(D::Error::custom),
            Err(_) => Err(D::Error::custom("expected an amount, such as 1000 or \"0.1 gwei\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        let wei = |text: &str| text.parse::<Wei>().map(|wei| wei.0);
        assert_eq!(wei("7"), Ok(U256::from(7)));
        assert_eq!(wei("7 wei"), Ok(U256::from(7)));
        assert_eq!(wei("0.1 gwei"), Ok(U256::from(100_000_000)));
        assert_eq!(wei("2 ether"), Ok(U256::from(2_000_000_000_000_000_000u128)));
        for bad in ["", "-1", "1.5", "0x10", "1 eth", "1ether", ". gwei", "0.0000000001 gwei"] {
            assert!(wei(bad).is_err(), "{bad}: {:?}", wei(bad));
        }
    }
}

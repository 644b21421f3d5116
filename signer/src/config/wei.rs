//! Amounts of wei as people write them: a number, or a string with a unit.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use alloy_primitives::utils::parse_units;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

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
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let decimals = match number.split_once('.') {
            Some((whole, decimals)) if digits(whole) && digits(decimals) => decimals.len(),
            None if digits(number) => 0,
            _ => return Err(refused()),
        };
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
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Wei;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount, such as 1000 or \"0.1 gwei\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Wei, E> {
        let number = u64::try_from(number)
            .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        self.visit_u64(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Wei, E> {
        Ok(Wei(U256::from(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wei, E> {
        text.parse().map_err(E::custom)
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

//! Amounts of ether: how they are typed and how they are shown.

use std::fmt;

use alloy::primitives::{
    I256, U256, Uint,
    aliases::U96,
    utils::{format_ether, parse_units},
};
use serde::{Serialize, Serializer};

/// An amount of wei. A decimal string in JSON, because it may not fit a double.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wei(pub U256);

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(self.0))
    }
}

impl<const BITS: usize, const LIMBS: usize> From<Uint<BITS, LIMBS>> for Wei {
    fn from(amount: Uint<BITS, LIMBS>) -> Self {
        Self(U256::saturating_from(amount))
    }
}

/// A change of an amount of wei. A decimal string with its sign in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change(pub I256);

impl Change {
    /// What leads from one amount to the other.
    pub fn between(before: U256, after: U256) -> Self {
        Self(I256::from_raw(after.wrapping_sub(before)))
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Reads an amount: `0.01` (ether), `0.01eth`, `3gwei` or `10wei`. The result is wei.
pub fn parse(text: &str) -> Result<U256, String> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let (number, unit) = ["gwei", "wei", "ether", "eth"]
        .iter()
        .find_map(|unit| lower.strip_suffix(unit).map(|number| (number.trim().to_owned(), *unit)))
        .unwrap_or((lower.clone(), "ether"));
    let (unit, decimals) = match unit {
        "wei" => ("wei", 0),
        "gwei" => ("gwei", 9),
        _ => ("ether", 18),
    };
    let wrong = || {
        format!(
            "{text:?} is not an amount; write for example 0.01 (ether), 500gwei or 1000000000wei"
        )
    };
    let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
    if number.is_empty() || number.starts_with(['-', '+']) || fraction.len() > decimals {
        return Err(wrong());
    }
    parse_units(&number, unit).map(|amount| amount.get_absolute()).map_err(|_| wrong())
}

/// The amount as contracts take prices; none above 2^96 - 1 wei.
pub fn to_u96(wei: U256) -> Option<U96> {
    (wei.bit_len() <= 96).then(|| wei.to())
}

/// Shows wei as ether without trailing zeros, for example `0.01 ETH`.
pub fn show(wei: U256) -> String {
    let ether = format_ether(wei);
    format!("{} ETH", trim(&ether))
}

/// Shows a change in wei as ether with its sign, for example `+0.01 ETH`.
pub fn show_change(wei: I256) -> String {
    let sign = if wei.is_negative() {
        "-"
    } else if wei.is_zero() {
        ""
    } else {
        "+"
    };
    format!("{sign}{}", show(wei.unsigned_abs()))
}

fn trim(ether: &str) -> &str {
    if ether.contains('.') { ether.trim_end_matches('0').trim_end_matches('.') } else { ether }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_every_unit() {
        assert_eq!(parse("0.01").unwrap(), U256::from(10_000_000_000_000_000u64));
        assert_eq!(parse("2 ETH").unwrap(), U256::from(2_000_000_000_000_000_000u64));
        assert_eq!(parse("3gwei").unwrap(), U256::from(3_000_000_000u64));
        assert_eq!(parse("17wei").unwrap(), U256::from(17));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "eth", "-1", "one", "0.1.2", "1.5wei", "1.1234567890gwei"] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("write for example"), "{text}: {message}");
        }
    }

    #[test]
    fn changes_keep_their_sign() {
        let two = Change::between(U256::from(3), U256::from(5));
        assert_eq!(serde_json::to_string(&two).unwrap(), "\"2\"");
        let less = Change::between(U256::from(5), U256::from(3));
        assert_eq!(serde_json::to_string(&less).unwrap(), "\"-2\"");
        assert_eq!((two.0 + less.0), I256::ZERO);
    }

    #[test]
    fn amounts_are_shown_short() {
        assert_eq!(show(U256::from(10_000_000_000_000_000u64)), "0.01 ETH");
        assert_eq!(show(U256::ZERO), "0 ETH");
        assert_eq!(show(U256::from(1)), "0.000000000000000001 ETH");
        assert_eq!(show_change(I256::try_from(-5_000_000_000_000_000_000i64).unwrap()), "-5 ETH");
        assert_eq!(show_change(I256::ZERO), "0 ETH");
    }
}

//! How an escrow is divided. Rounding favours the payee: fees are rounded down.

/// Basis points in the whole.
pub const BPS: u128 = 10_000;
/// Highest sum of keeper and protocol fee, basis points.
pub const MAX_FEES_BPS: u16 = 2_000;

/// Where the wei of one escrow go. The four add up to the escrow.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// To the listing's payee.
    pub payee: u128,
    /// To the keeper that settled.
    pub keeper: u128,
    /// To the owner of the registry.
    pub protocol: u128,
    /// Back to the buyer.
    pub buyer: u128,
}

/// Divides `escrow` when `charge` of it is earned; `None` if the charge is above it.
/// The fees' sum is at most [`MAX_FEES_BPS`].
pub fn split(escrow: u128, charge: u128, keeper_bps: u16, protocol_bps: u16) -> Option<Split> {
    let buyer = escrow.checked_sub(charge)?;
    let keeper = charge * u128::from(keeper_bps) / BPS;
    let protocol = charge * u128::from(protocol_bps) / BPS;
    Some(Split { payee: charge - keeper - protocol, keeper, protocol, buyer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn not_one_wei_is_lost_or_made(
            escrow in 0..1u128 << 96, part in 0..=100u128, keeper in 0..=1500u16, protocol in 0..=500u16,
        ) {
            let charge = escrow / 100 * part;
            let split = split(escrow, charge, keeper, protocol).expect("within the escrow");
            prop_assert_eq!(split.payee + split.keeper + split.protocol + split.buyer, escrow);
            prop_assert_eq!(split.buyer, escrow - charge);
            prop_assert!(split.payee >= charge / 5 * 4);
        }

        #[test]
        fn a_charge_above_the_escrow_is_none(escrow in 0..1u128 << 96, above in 1..1u128 << 95) {
            prop_assert_eq!(split(escrow, escrow + above, 0, 0), None);
        }
    }

    #[test]
    fn fees_are_rounded_down() {
        let expected = Split { payee: 9_999, keeper: 0, protocol: 0, buyer: 1 };
        assert_eq!(split(10_000, 9_999, 1, 1), Some(expected));
        let expected = Split { payee: 9_400, keeper: 500, protocol: 100, buyer: 0 };
        assert_eq!(split(10_000, 10_000, 500, 100), Some(expected));
    }
}

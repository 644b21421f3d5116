//! What is offered per gas, within the operator's cap.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;

use crate::chain::{Chain, ChainError};

/// Fee cap and tip, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Most that is paid.
    pub max_fee: u128,
    /// Tip.
    pub tip: u128,
}

impl Offer {
    /// Twice the base fee, so that it stays valid while the base fee rises; no tip, because
    /// Arbitrum's sequencer takes none. Never above `cap`.
    pub(super) fn new(base_fee: u128, cap: u128) -> Self {
        Self { max_fee: base_fee.saturating_mul(2).clamp(1, cap), tip: 0 }
    }

    /// What replaces a transaction that paid `old`: an eighth more, as nodes demand, or the
    /// present offer if that is higher. `None` above `cap`.
    pub(super) fn to_replace(self, old: Self, cap: u128) -> Option<Self> {
        let more = |fee: u128| fee + fee.div_ceil(8).max(1);
        let offer =
            Self { max_fee: self.max_fee.max(more(old.max_fee)), tip: self.tip.max(more(old.tip)) };
        (offer.max_fee <= cap && offer.tip <= offer.max_fee).then_some(offer)
    }
}

/// The offer by now.
pub(super) async fn offer(chain: &Chain, cap: u128) -> Result<Offer, ChainError> {
    let block = chain.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
    let block = block.map_err(|error| ChainError::rpc("asking for the base fee", &error))?;
    let base = block.and_then(|block| block.header.base_fee_per_gas).unwrap_or_default();
    Ok(Offer::new(u128::from(base), cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_stay_within_the_cap() {
        assert_eq!(Offer::new(100, 1000), Offer { max_fee: 200, tip: 0 });
        assert_eq!(Offer::new(600, 1000).max_fee, 1000);
        assert_eq!(Offer::new(0, 1000).max_fee, 1);
        assert_eq!(Offer::new(u128::MAX, 1000).max_fee, 1000);
    }

    #[test]
    fn a_replacement_pays_an_eighth_more_until_the_cap_forbids_it() {
        let old = Offer { max_fee: 800, tip: 0 };
        let new = Offer::new(100, 1000).to_replace(old, 1000).unwrap();
        assert_eq!(new, Offer { max_fee: 900, tip: 1 });
        assert_eq!(new.to_replace(new, 1000), None);
    }
}

//! What is offered per gas, within the caps of the operator and the signer.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;
use domain::job::BlockRef;

use crate::chain::{Chain, ChainError};
use crate::pipeline::Context;
use crate::store::Fees;
use crate::waits::{Wait, WaitOn};

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
        Self { max_fee: base_fee.saturating_mul(2).clamp(1, cap.max(1)), tip: 0 }
    }

    /// What replaces a transaction that paid `old`: an eighth more, as nodes demand, or the
    /// present offer if that is higher. `None` above `cap`.
    pub(super) fn to_replace(self, old: Self, cap: u128) -> Option<Self> {
        let more = |fee: u128| fee + fee.div_ceil(8).max(1);
        let offer =
            Self { max_fee: self.max_fee.max(more(old.max_fee)), tip: self.tip.max(more(old.tip)) };
        (offer.max_fee <= cap && offer.tip <= offer.max_fee).then_some(offer)
    }

    /// An eighth more, or all that `cap` allows; `None` when that is no more.
    pub(super) fn raised(self, cap: u128) -> Option<Self> {
        self.to_replace(self, cap).or_else(|| {
            let tip = (self.tip + self.tip.div_ceil(8).max(1)).min(cap);
            (self.max_fee < cap).then_some(Self { max_fee: cap, tip })
        })
    }

    /// The offer for other operations under a nonce that was signed for `old`: a node that kept
    /// the old transaction wants an eighth more, the signer any more. `None` when the cap allows
    /// none.
    pub(super) fn to_outbid(self, old: Self, cap: u128) -> Option<Self> {
        self.to_replace(old, cap).or_else(|| {
            let (max_fee, tip) = (old.max_fee + 1, old.tip);
            (max_fee <= cap && tip <= max_fee).then_some(Self { max_fee, tip })
        })
    }
}

impl From<Fees> for Offer {
    fn from(fees: Fees) -> Self {
        Self { max_fee: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas }
    }
}

/// The newest block and what gas costs on top of it, in wei.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tip {
    /// The block.
    pub block: BlockRef,
    /// Its base fee.
    pub base_fee: u128,
}

/// Reads the newest block.
pub(super) async fn tip(chain: &Chain) -> Result<Tip, ChainError> {
    let block = chain.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
    let block = block.map_err(|error| ChainError::rpc("asking for the base fee", &error))?;
    let block = block.ok_or_else(|| ChainError::Moved("there is no newest block".into()))?;
    Ok(Tip {
        block: BlockRef { number: block.header.number, hash: block.header.hash },
        base_fee: u128::from(block.header.base_fee_per_gas.unwrap_or_default()),
    })
}

/// Most that is offered per gas, in wei: the operator's cap, or the signer's if that is lower.
pub(super) fn cap(context: &Context) -> u128 {
    let own = u128::from(context.config.settle.max_fee_per_gas);
    context.signer.caps().map_or(own, |caps| own.min(caps.max_fee_per_gas))
}

/// The wait for cheaper gas, if gas costs more than may be offered.
pub(super) fn too_dear(context: &Context, base_fee: u128) -> Option<Wait> {
    let cap = cap(context);
    (base_fee > cap).then(|| {
        let own = context.config.settle.max_fee_per_gas;
        let reason = match context.signer.caps() {
            Some(caps) if caps.max_fee_per_gas < u128::from(own) => format!(
                "gas costs {base_fee} wei, the signer allows {} (settle.max_fee_per_gas is {own})",
                caps.max_fee_per_gas
            ),
            _ => format!("gas costs {base_fee} wei, settle.max_fee_per_gas allows {own}"),
        };
        let help = "nothing: it goes on when gas is cheaper; or raise settle.max_fee_per_gas and \
                    max_fee_per_gas in the signer's policy";
        Wait::new(WaitOn::Fee, reason, help)
    })
}

/// Says once if the keeper's cap is above the signer's, which then decides.
pub(super) fn compare_caps(context: &Context) {
    let own = context.config.settle.max_fee_per_gas;
    if let Some(caps) = context.signer.caps()
        && caps.max_fee_per_gas < u128::from(own)
    {
        tracing::warn!(
            keeper = own,
            signer = %caps.max_fee_per_gas,
            "settle.max_fee_per_gas is above max_fee_per_gas of the signer's policy, so no more \
             than the signer's is offered: lower settle.max_fee_per_gas, or raise the policy's"
        );
    }
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

    #[test]
    fn the_last_step_goes_right_to_the_cap() {
        let offer = Offer { max_fee: 900, tip: 8 };
        assert_eq!(offer.raised(1000), Some(Offer { max_fee: 1000, tip: 9 }));
        assert_eq!(Offer { max_fee: 1000, tip: 9 }.raised(1000), None);
    }

    #[test]
    fn other_operations_outbid_the_former_ones_by_an_eighth_or_at_least_by_a_wei() {
        let now = Offer::new(100, 1000);
        let outbid = |max_fee| now.to_outbid(Offer { max_fee, tip: 0 }, 1000);
        assert_eq!(outbid(10), Some(Offer { max_fee: 200, tip: 1 }));
        assert_eq!(outbid(800), Some(Offer { max_fee: 900, tip: 1 }));
        assert_eq!(outbid(950), Some(Offer { max_fee: 951, tip: 0 }));
        assert_eq!(outbid(1000), None);
    }
}

//! Ether for bundles: what account and bundler have beyond what is under way.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use domain::userop::PackedUserOperation;

use super::assemble::Plan;
use super::fees::Offer;
use super::weigh::Weighed;
use crate::chain::{ChainError, Doing};
use crate::pipeline::Context;
use crate::store::{Fees, StoredBundle};
use crate::waits::{Wait, WaitOn};

/// Ether that is left for further bundles, in wei.
pub(super) struct Purse {
    bundler_address: Address,
    bundler: U256,
    /// The account's, in its deposit and beside it. Known only while other bundles are under way:
    /// without any the EntryPoint's own opinion counts.
    account: Option<U256>,
}

impl Purse {
    /// Reads the balances and takes off what the open bundles may cost.
    pub(super) async fn read(context: &Context, plan: &Plan<'_>) -> Result<Self, ChainError> {
        let (chain, block) = (&context.chain, plan.tip.block.hash);
        let entry_point = chain.entry_point();
        let deposit = entry_point.balanceOf(chain.account).block(block.into());
        let (bundler, account, deposit) = tokio::join!(
            chain.provider.get_balance(context.bundler).block_id(block.into()),
            chain.provider.get_balance(chain.account).block_id(block.into()),
            deposit.call(),
        );
        let bundler = bundler.doing("asking for the bundler's balance")?;
        let account = account.doing("asking for the account's balance")?;
        let deposit = deposit.doing("asking for the account's deposit")?;
        let spent: U256 = plan.under_way().map(most_of).fold(U256::ZERO, U256::saturating_add);
        let promised = plan.under_way().flat_map(|bundle| &bundle.ops).map(|(_, op)| prefund(op));
        let promised = promised.fold(U256::ZERO, U256::saturating_add);
        let account = account.saturating_add(deposit).saturating_sub(promised);
        Ok(Self {
            bundler_address: context.bundler,
            bundler: bundler.saturating_sub(spent),
            account: plan.under_way().next().is_some().then_some(account),
        })
    }

    /// Leaves out what cannot be paid for; false when nothing is left.
    pub(super) fn cut_to_size(&self, weighed: &mut Weighed, offer: Offer) -> bool {
        while !self.affords(weighed, offer) {
            if weighed.candidates.len() <= 1 {
                return false;
            }
            weighed.candidates.truncate(weighed.candidates.len() / 2);
        }
        true
    }

    fn affords(&self, weighed: &Weighed, offer: Offer) -> bool {
        let promised = promised(weighed);
        self.bundler >= cost(weighed.gas(), offer.max_fee)
            && self.account.is_none_or(|account| account >= promised)
    }

    /// Takes off what a new bundle may cost.
    pub(super) fn spend(&mut self, weighed: &Weighed, fees: Fees) {
        let cost = cost(fees.gas_limit, fees.max_fee_per_gas);
        self.bundler = self.bundler.saturating_sub(cost);
        self.account = self.account.map(|account| account.saturating_sub(promised(weighed)));
    }

    /// The wait for ether of the bundler.
    pub(super) fn bundler_needs(&self, weighed: &Weighed, offer: Offer) -> Wait {
        let (has, needs) = (self.bundler, cost(weighed.gas(), offer.max_fee));
        bundler_lacks(self.bundler_address, has, needs)
    }
}

/// The wait for ether of the bundler.
pub(super) fn bundler_lacks(bundler: Address, has: U256, needs: U256) -> Wait {
    let reason = format!("the bundler {bundler} has {has} wei, a bundle may cost {needs} wei");
    Wait::new(WaitOn::BundlerFunds, reason, format!("send ether to {bundler}"))
}

/// The most that an open bundle can cost the bundler.
pub(super) fn most_of(bundle: &StoredBundle) -> U256 {
    let fees = bundle.txs.last().map_or(bundle.plan, |tx| tx.fees);
    cost(fees.gas_limit, fees.max_fee_per_gas)
}

fn promised(weighed: &Weighed) -> U256 {
    let prefunds = weighed.candidates.iter().map(|one| prefund(&one.op));
    prefunds.fold(U256::ZERO, U256::saturating_add)
}

/// What the EntryPoint takes from the account before it executes an operation.
fn prefund(op: &PackedUserOperation) -> U256 {
    let limits = op.verification_gas_limit().saturating_add(op.call_gas_limit());
    let gas = U256::from(limits).saturating_add(op.pre_verification_gas);
    gas.saturating_mul(U256::from(op.max_fee_per_gas()))
}

fn cost(gas: u64, fee: u128) -> U256 {
    U256::from(gas).saturating_mul(U256::from(fee))
}

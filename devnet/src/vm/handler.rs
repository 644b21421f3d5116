//! Transaction rules around execution: no tips, fees to the network, the gas held back.

use std::marker::PhantomData;

use revm::{
    Database,
    context::{Block, ContextTr, JournalTr, Transaction},
    context_interface::{
        Cfg,
        journaled_state::account::JournaledAccountTr,
        result::{EVMError, HaltReason, InvalidTransaction},
    },
    handler::{EthFrame, EvmTr, FrameResult, Handler, MainnetHandler, pre_execution},
    inspector::InspectorHandler,
    interpreter::{GasTracker, InitialAndFloorGas, interpreter::EthInterpreter},
    primitives::{Address, U256},
};

use super::{VmInspector, evm::ArbEvm, l1, l2};
use crate::arbos::{
    space::{Space, root},
    world::Slots,
};

/// At most this share of the gas used is refunded (EIP-3529).
const MAX_REFUND_QUOTIENT: u64 = 5;

/// The rules.
pub(super) struct ArbHandler<'a, DB, I>(PhantomData<(&'a mut DB, I)>);

impl<DB, I> Default for ArbHandler<'_, DB, I> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

type Mainnet<'a, DB, I> =
    MainnetHandler<ArbEvm<'a, DB, I>, EVMError<<DB as Database>::Error>, EthFrame<EthInterpreter>>;

impl<'a, DB: Database, I: VmInspector<'a, DB>> Handler for ArbHandler<'a, DB, I> {
    type Evm = ArbEvm<'a, DB, I>;
    type Error = EVMError<DB::Error>;
    type HaltReason = HaltReason;

    fn validate_initial_tx_gas(
        &self,
        evm: &mut Self::Evm,
    ) -> Result<InitialAndFloorGas, Self::Error> {
        let mut gas = Mainnet::<'a, DB, I>::default().validate_initial_tx_gas(evm)?;
        let ctx = &evm.inner.ctx;
        let initial_gas = gas.initial_total_gas().saturating_add(ctx.chain.l1_gas);
        if initial_gas > ctx.tx.gas_limit {
            let gas_limit = ctx.tx.gas_limit;
            let error = InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit };
            return Err(error.into());
        }
        gas.set_initial_regular_gas(gas.initial_regular_gas() + ctx.chain.l1_gas);
        Ok(gas)
    }

    fn validate_against_state_and_deduct_caller(
        &self,
        evm: &mut Self::Evm,
        _: &mut InitialAndFloorGas,
    ) -> Result<(), Self::Error> {
        let ctx = &mut evm.inner.ctx;
        let basefee = u128::from(ctx.block.basefee());
        ctx.chain.gas_price = U256::from(ctx.tx.effective_gas_price(basefee));
        if !ctx.cfg.is_balance_check_disabled() {
            let balance = ctx.journaled_state.load_account(ctx.tx.caller)?.info.balance;
            ctx.tx.ensure_enough_balance(balance)?;
        }
        ctx.tx.gas_price = ctx.tx.gas_price.min(basefee);
        ctx.tx.gas_priority_fee = ctx.tx.gas_priority_fee.map(|_| 0);
        pre_execution::validate_against_state_and_deduct_caller(ctx)
    }

    fn tx_gas(&self, evm: &mut Self::Evm, initial: &InitialAndFloorGas) -> GasTracker {
        let mut gas = Mainnet::<'a, DB, I>::default().tx_gas(evm, initial);
        let chain = &mut evm.inner.ctx.chain;
        if let Some(limit) = chain.gas_limit {
            let most = limit.saturating_sub(initial.initial_total_gas() - chain.l1_gas);
            chain.held_back = gas.remaining().saturating_sub(most);
            gas.set_remaining(gas.remaining() - chain.held_back);
        }
        gas
    }

    fn last_frame_result(
        &mut self,
        evm: &mut Self::Evm,
        result: &mut FrameResult,
        gas: &mut GasTracker,
    ) -> Result<(), Self::Error> {
        Mainnet::<'a, DB, I>::default().last_frame_result(evm, result, gas)?;
        result.gas_mut().erase_cost(evm.inner.ctx.chain.held_back);
        Ok(())
    }

    fn refund(
        &self,
        evm: &mut Self::Evm,
        result: &mut FrameResult,
        eip7702_refund: i64,
    ) -> Result<(), Self::Error> {
        let l1_gas = evm.inner.ctx.chain.l1_gas;
        let gas = result.gas_mut();
        gas.record_refund(eip7702_refund);
        let most = gas.total_gas_spent().saturating_sub(l1_gas) / MAX_REFUND_QUOTIENT;
        gas.set_refund(gas.refunded().clamp(0, most.cast_signed()));
        Ok(())
    }

    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        result: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        let ctx = evm.ctx();
        if ctx.cfg.is_fee_charge_disabled() {
            return Ok(());
        }
        let slot = Space::root().field(root::NETWORK_FEE_ACCOUNT);
        let account = ctx.slot(slot).map_err(|error| EVMError::Custom(error.to_string()))?;
        let price = U256::from(ctx.tx.effective_gas_price(u128::from(ctx.block.basefee())));
        let l1_gas = ctx.chain.l1_gas;
        let shares = [
            (Address::from_word(account.into()), result.gas().used().saturating_sub(l1_gas)),
            (l1::FUNDS_POOL, l1_gas),
        ];
        let computed = shares[0].1;
        for (account, gas) in shares {
            if gas > 0 {
                let fee = price.saturating_mul(U256::from(gas));
                ctx.journal_mut().load_account_mut(account)?.incr_balance(fee);
            }
        }
        l2::add_to_backlog(ctx, computed).map_err(|error| EVMError::Custom(error.to_string()))
    }
}

impl<'a, DB: Database, I: VmInspector<'a, DB>> InspectorHandler for ArbHandler<'a, DB, I> {
    type IT = EthInterpreter;
}

//! Transaction rules around execution: no tips, fees to the network, the gas held back.

use std::marker::PhantomData;

use revm::{
    Database,
    context::{Block, ContextTr, JournalTr, Transaction},
    context_interface::{
        Cfg,
        journaled_state::account::JournaledAccountTr,
        result::{EVMError, HaltReason},
    },
    handler::{EthFrame, EvmTr, FrameResult, Handler, MainnetHandler, pre_execution},
    inspector::InspectorHandler,
    interpreter::{GasTracker, InitialAndFloorGas, interpreter::EthInterpreter},
    primitives::{Address, U256},
};

use super::{VmInspector, evm::ArbEvm};
use crate::arbos::{
    space::{Space, root},
    world::Slots,
};

/// Gas a transaction may use at once, from ArbOS 50.
const TX_GAS_LIMIT: u64 = 32_000_000;

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
        if chain.limit_gas {
            let most = TX_GAS_LIMIT.saturating_sub(initial.initial_total_gas());
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
        let price = ctx.tx.effective_gas_price(u128::from(ctx.block.basefee()));
        let fee = U256::from(price).saturating_mul(U256::from(result.gas().used()));
        ctx.journal_mut().load_account_mut(Address::from_word(account.into()))?.incr_balance(fee);
        Ok(())
    }
}

impl<'a, DB: Database, I: VmInspector<'a, DB>> InspectorHandler for ArbHandler<'a, DB, I> {
    type IT = EthInterpreter;
}

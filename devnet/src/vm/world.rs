//! ArbOS's view of revm's journaled state. Looking does not warm anything.

use revm::{
    Database,
    bytecode::Bytecode,
    context::{Block, ContextTr, JournalTr},
    context_interface::journaled_state::account::JournaledAccountTr,
    primitives::{Address, B256, Bytes, KECCAK_EMPTY, Log, U256},
    state::AccountInfo,
};

use super::VmContext;
use crate::arbos::world::{ARBOS_ADDRESS, BlockFacts, Slots, StateError, World};

fn failed(error: impl std::fmt::Display) -> StateError {
    StateError(error.to_string())
}

/// An account as it is now, without loading it into the journal.
fn peek<DB: Database>(
    ctx: &mut VmContext<'_, DB>,
    address: Address,
) -> Result<Option<AccountInfo>, StateError> {
    let (db, state) = ctx.journaled_state.db_and_state_mut();
    match state.get(&address) {
        Some(account) => Ok(Some(account.info.clone())),
        None => db.basic(address).map_err(failed),
    }
}

/// Code and code hash of an account as they are now, without loading it.
pub(super) fn code_of<DB: Database>(
    ctx: &mut VmContext<'_, DB>,
    address: Address,
) -> Result<(B256, Bytecode), StateError> {
    let Some(info) = peek(ctx, address)? else {
        return Ok((KECCAK_EMPTY, Bytecode::default()));
    };
    if info.code_hash == KECCAK_EMPTY || info.code_hash.is_zero() {
        return Ok((KECCAK_EMPTY, Bytecode::default()));
    }
    let code = match info.code {
        Some(code) => code,
        None => ctx.db_mut().code_by_hash(info.code_hash).map_err(failed)?,
    };
    Ok((info.code_hash, code))
}

/// Loads an account into the journal so that it can be changed, but leaves it as cold as it was:
/// what ArbOS does, programs do not get warmer accounts from.
fn load_unseen<DB: Database>(
    ctx: &mut VmContext<'_, DB>,
    address: Address,
) -> Result<(), StateError> {
    let is_cold = ctx.journaled_state.load_account(address).map_err(failed)?.is_cold;
    let (_, state) = ctx.journaled_state.db_and_state_mut();
    if let Some(account) = state.get_mut(&address).filter(|_| is_cold) {
        account.mark_cold();
    }
    Ok(())
}

impl<DB: Database> Slots for VmContext<'_, DB> {
    fn slot(&mut self, slot: U256) -> Result<U256, StateError> {
        let (db, state) = self.journaled_state.db_and_state_mut();
        let journaled = state.get(&ARBOS_ADDRESS).and_then(|account| account.storage.get(&slot));
        match journaled {
            Some(value) => Ok(value.present_value()),
            None => db.storage(ARBOS_ADDRESS, slot).map_err(failed),
        }
    }

    fn set_slot(&mut self, slot: U256, value: U256) -> Result<(), StateError> {
        load_unseen(self, ARBOS_ADDRESS)?;
        let journal = &mut self.journaled_state;
        journal.touch_account(ARBOS_ADDRESS);
        journal.sstore(ARBOS_ADDRESS, slot, value).map_err(failed)?;
        Ok(())
    }
}

impl<DB: Database> World for VmContext<'_, DB> {
    fn block(&self) -> BlockFacts {
        self.chain.facts
    }

    fn code(&mut self, address: Address) -> Result<(Bytes, B256), StateError> {
        let empty = peek(self, address)?.is_none_or(|info| info.is_empty());
        let (hash, code) = code_of(self, address)?;
        Ok((code.original_bytes(), if empty { B256::ZERO } else { hash }))
    }

    fn warm(&mut self, address: Address) -> Result<bool, StateError> {
        Ok(self.journaled_state.load_account(address).map_err(failed)?.is_cold)
    }

    fn balance(&mut self, address: Address) -> Result<U256, StateError> {
        Ok(peek(self, address)?.map_or(U256::ZERO, |info| info.balance))
    }

    fn transfer(&mut self, from: Address, to: Address, wei: U256) -> Result<bool, StateError> {
        load_unseen(self, from)?;
        load_unseen(self, to)?;
        Ok(self.journaled_state.transfer_loaded(from, to, wei).is_none())
    }

    fn burn(&mut self, from: Address, wei: U256) -> Result<bool, StateError> {
        let mut account = self.journaled_state.load_account_mut(from).map_err(failed)?;
        Ok(account.decr_balance(wei))
    }

    fn set_code(&mut self, address: Address, code: Bytes) -> Result<(), StateError> {
        load_unseen(self, address)?;
        self.journaled_state.set_code(address, Bytecode::new_legacy(code));
        Ok(())
    }

    fn self_destructed(&mut self, address: Address) -> bool {
        let state = self.journaled_state.evm_state();
        state.get(&address).is_some_and(revm::state::Account::is_selfdestructed)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        self.db_mut().block_hash(number).map_err(failed)
    }

    fn log(&mut self, log: Log) {
        self.journaled_state.log(log);
    }

    fn l1_number(&self) -> u64 {
        self.block.number().saturating_to()
    }

    fn poster_fee(&self) -> U256 {
        U256::from(self.chain.l1_gas).saturating_mul(U256::from(self.chain.facts.basefee))
    }

    fn caller_at(&self, depth: usize) -> Option<Address> {
        self.chain.callers.get(depth).copied()
    }

    fn open_pages(&self) -> u16 {
        self.chain.pages.open
    }
}

//! State as a tracer may look at it in the middle of an execution, without changing what is warm.

use alloy::primitives::{Address, U256};
use revm::Database;
use revm::context::{ContextTr, JournalTr};
use revm::inspector::JournalExt;

/// A storage slot as it is now.
pub(super) fn slot<CTX: ContextTr<Journal: JournalExt>>(
    ctx: &mut CTX,
    address: Address,
    key: U256,
) -> U256 {
    let (db, state) = ctx.journal_mut().db_and_state_mut();
    match state.get(&address).and_then(|account| account.storage.get(&key)) {
        Some(slot) => slot.present_value(),
        None => db.storage(address, key).unwrap_or_default(),
    }
}

/// The length of an account's code.
pub(super) fn code_size<CTX: ContextTr<Journal: JournalExt>>(
    ctx: &mut CTX,
    address: Address,
) -> usize {
    let (db, state) = ctx.journal_mut().db_and_state_mut();
    let known = state.get(&address).map(|account| account.info.clone());
    let info = known.or_else(|| db.basic(address).ok().flatten()).unwrap_or_default();
    let code = match info.code {
        Some(code) => code,
        None if info.is_empty_code_hash() => return 0,
        None => db.code_by_hash(info.code_hash).unwrap_or_default(),
    };
    code.original_byte_slice().len()
}

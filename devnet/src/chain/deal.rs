//! Finding the storage slot that decides what a view returns.

use super::view::{CallError, CallInput, View};
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;

impl View {
    /// The account and slot that make `token` answer `value` to `input` when the slot holds it.
    pub fn slot_behind(
        &self,
        token: Address,
        input: Bytes,
        value: U256,
    ) -> Result<Option<(Address, U256)>, CallError> {
        let request = TransactionRequest::default().to(token).input(input.into());
        let call = CallInput { request, ..CallInput::default() };
        let touched = self.clone().access_list(call.clone())?.access_list;
        // A value that nothing else shows, if the wanted one is shown already.
        let marks = [value, !value];
        for item in touched.0 {
            for slot in item.storage_keys.iter().map(|key| U256::from_be_bytes(key.0)) {
                if marks.iter().all(|mark| self.answers(&call, item.address, slot, *mark)) {
                    return Ok(Some((item.address, slot)));
                }
            }
        }
        Ok(None)
    }

    fn answers(&self, call: &CallInput, account: Address, slot: U256, value: U256) -> bool {
        let mut view = self.clone();
        view.state.update(account, |account| account.set_slot(slot, value));
        view.call(call.clone()).is_ok_and(|answer| answer[..] == value.to_be_bytes::<32>())
    }
}

//! Access lists: the accounts and slots that a request touches.

use super::view::{CallError, CallInput, View};
use alloy::primitives::{Address, B256, TxKind, U256};
use alloy::rpc::types::{AccessList, AccessListItem, AccessListResult};
use revm::context_interface::result::ExecutionResult;
use revm::state::EvmState;

/// Addresses below this are Ethereum's precompiles, which are always warm.
const PRECOMPILES: u64 = 0x200;

impl View {
    /// The access list of a request, and the gas that it uses with this list.
    pub fn access_list(mut self, input: CallInput) -> Result<AccessListResult, CallError> {
        self.override_with(input.state, input.block)?;
        let mut request = input.request;
        let gas = request.gas.unwrap_or(self.call_gas).min(self.call_gas);
        let first = self.run(&request, gas)?;
        let caller = request.from.unwrap_or_default();
        let target = match request.to {
            Some(TxKind::Call(to)) => to,
            _ => caller.create(self.state.nonce(caller)),
        };
        let list = collect(first.state, &[caller, target, self.context.env.beneficiary]);
        request.access_list = Some(list.clone());
        let second = self.run(&request, gas)?;
        let error = match &second.result {
            ExecutionResult::Revert { .. } => Some("execution reverted".to_owned()),
            _ => second.error_text(),
        };
        let gas_used = U256::from(second.result.tx_gas_used());
        Ok(AccessListResult { access_list: list, gas_used, error })
    }
}

/// Accounts that are warm anyway are listed only for their slots.
fn collect(state: EvmState, warm: &[Address]) -> AccessList {
    let mut items: Vec<_> = state
        .into_iter()
        .map(|(address, account)| {
            let mut storage_keys: Vec<B256> =
                account.storage.keys().map(|slot| B256::from(*slot)).collect();
            storage_keys.sort_unstable();
            AccessListItem { address, storage_keys }
        })
        .filter(|item| {
            let precompile = U256::from_be_slice(item.address.as_slice()) < U256::from(PRECOMPILES);
            !item.storage_keys.is_empty() || !(precompile || warm.contains(&item.address))
        })
        .collect();
    items.sort_unstable_by_key(|item| item.address);
    AccessList(items)
}

//! Giving ERC-20 tokens and allowances to anybody.

use super::Node;
use super::error::{RpcError, RpcResult};
use super::registry::{Registered, Registry};
use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolCall;

sol! {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
}

/// Registers the methods.
pub fn register(registry: &mut Registry) -> Registered {
    registry.method(&["anvil_dealERC20", "hardhat_dealERC20"], |node, mut args| async move {
        let (account, token): (Address, Address) = (args.next()?, args.next()?);
        let input = balanceOfCall { account }.abi_encode();
        store(&node, token, input.into(), args.big()?).await
    })?;
    registry.method(&["anvil_setERC20Allowance"], |node, mut args| async move {
        let (owner, spender): (Address, Address) = (args.next()?, args.next()?);
        let (token, amount) = (args.next()?, args.big()?);
        let input = allowanceCall { owner, spender }.abi_encode();
        store(&node, token, input.into(), amount).await
    })
}

/// Makes a token answer `value` to `input`.
async fn store(node: &Node, token: Address, input: Bytes, value: U256) -> RpcResult<()> {
    let found =
        node.on_view(BlockId::latest(), move |view| view.slot_behind(token, input, value)).await?;
    let (account, slot) = found.ok_or_else(|| {
        RpcError::server(format!("{token} keeps this in no storage slot of its own"))
    })?;
    node.with(move |chain| {
        chain.edit(|state| state.update(account, |account| account.set_slot(slot, value)));
    })
    .await
}

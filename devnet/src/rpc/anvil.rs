//! `anvil_*` and `hardhat_*`: changing accounts, senders, fees and the chain's past.

use super::Node;
use super::args::Args;
use super::error::{RpcError, RpcResult};
use super::net::CLIENT_VERSION;
use super::registry::{Registered, Registry};
use crate::chain::{Chain, Replacement};
use crate::config::Order;
use crate::pool::Pool;
use crate::state::StoredAccount;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::rpc::types::anvil::{Metadata, NodeEnvironment, NodeForkConfig, NodeInfo};
use alloy::serde::JsonStorageKey;

/// Gas of a plain transfer, the least that a block must hold.
const TRANSFER_GAS: u64 = 21_000;

/// Registers the namespace.
pub fn register(registry: &mut Registry) -> Registered {
    accounts(registry)?;
    senders(registry)?;
    pool(registry)?;
    blocks(registry)?;
    past(registry)?;
    about(registry)
}

fn accounts(registry: &mut Registry) -> Registered {
    registry.method(&["anvil_setBalance", "hardhat_setBalance"], |node, mut args| async move {
        let (address, balance) = (args.next()?, args.big()?);
        edit(&node, address, move |account| account.balance = balance).await
    })?;
    registry.method(&["anvil_addBalance"], |node, mut args| async move {
        let (address, more) = (args.next()?, args.big()?);
        edit(&node, address, move |account| account.balance = account.balance.saturating_add(more))
            .await
    })?;
    registry.method(&["anvil_setCode", "hardhat_setCode"], |node, mut args| async move {
        let (address, code): (_, Bytes) = (args.next()?, args.next()?);
        edit(&node, address, move |account| account.set_code(code)).await
    })?;
    let names = ["anvil_setNonce", "hardhat_setNonce", "evm_setAccountNonce"];
    registry.method(&names, |node, mut args| async move {
        let (address, nonce) = (args.next()?, args.number()?);
        edit(&node, address, move |account| account.nonce = nonce).await
    })?;
    let names = ["anvil_setStorageAt", "hardhat_setStorageAt"];
    registry.method(&names, |node, mut args| async move {
        let (address, slot): (_, JsonStorageKey) = (args.next()?, args.next()?);
        let value: B256 = args.next()?;
        let slot = slot.as_b256().into();
        edit(&node, address, move |account| account.set_slot(slot, value.into())).await?;
        Ok(true)
    })
}

async fn edit(
    node: &Node,
    address: Address,
    change: impl FnOnce(&mut StoredAccount) + Send + 'static,
) -> RpcResult<()> {
    node.with(move |chain| chain.edit(|state| state.update(address, change))).await
}

fn senders(registry: &mut Registry) -> Registered {
    let names = ["anvil_impersonateAccount", "hardhat_impersonateAccount"];
    registry.method(&names, |node, mut args| async move {
        let address: Address = args.next()?;
        node.with(move |chain| chain.impersonated.insert(address)).await?;
        Ok(())
    })?;
    let names = ["anvil_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount"];
    registry.method(&names, |node, mut args| async move {
        let address: Address = args.next()?;
        node.with(move |chain| chain.impersonated.remove(&address)).await?;
        Ok(())
    })?;
    registry.method(&["anvil_autoImpersonateAccount"], |node, mut args| async move {
        let on: bool = args.next()?;
        node.with(move |chain| chain.impersonate_all = on).await
    })
}

fn pool(registry: &mut Registry) -> Registered {
    let names = ["anvil_dropTransaction", "hardhat_dropTransaction"];
    registry.method(&names, |node, mut args| async move {
        let hash: B256 = args.next()?;
        node.with(move |chain| chain.pool.remove(&hash).map(|tx| tx.hash())).await
    })?;
    registry.method(&["anvil_dropAllTransactions"], |node, _| async move {
        node.with(|chain| chain.pool = Pool::new(chain.config().order)).await
    })?;
    registry.method(&["anvil_removePoolTransactions"], |node, mut args| async move {
        let sender: Address = args.next()?;
        node.with(move |chain| chain.pool.remove_sender(sender)).await
    })
}

fn blocks(registry: &mut Registry) -> Registered {
    let names = ["anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas"];
    registry.method(&names, |node, mut args| async move {
        let fee = args.number()?;
        node.with(move |chain| chain.next_base_fee = Some(fee)).await
    })?;
    let names = ["evm_setBlockGasLimit", "anvil_setBlockGasLimit", "hardhat_setBlockGasLimit"];
    registry.method(&names, |node, mut args| async move {
        let gas = args.number()?;
        if gas < TRANSFER_GAS {
            return Err(RpcError::params(format!("no transaction fits into {gas} gas")));
        }
        node.with(move |chain| chain.block_gas = gas).await?;
        Ok(true)
    })?;
    registry.method(&["anvil_setCoinbase", "hardhat_setCoinbase"], |node, mut args| async move {
        let address: Address = args.next()?;
        node.with(move |chain| chain.coinbase = address).await
    })
}

fn past(registry: &mut Registry) -> Registered {
    let fields = &["depth", "tx_block_pairs", "keep"];
    registry.method_named(&["anvil_reorg"], fields, |node, mut args| async move {
        let replacement = replacement(&mut args)?;
        let rejected = node.chain(move |chain| chain.reorg(replacement)).await?;
        match rejected.first() {
            None => Ok(()),
            Some((hash, error)) => Err(RpcError::server(format!(
                "the chain was reorganised, but without transaction {hash}: {error}"
            ))),
        }
    })?;
    registry.method(&["anvil_rollback"], |node, mut args| async move {
        let depth = args.optional_number()?.unwrap_or(1);
        node.chain(move |chain| chain.rollback(depth).map(|_| ())).await
    })
}

/// Depth, pairs of transaction and index of the new block, whether removed transactions return.
fn replacement(args: &mut Args) -> RpcResult<Replacement> {
    Ok(Replacement {
        depth: args.number()?,
        txs: args.optional()?.unwrap_or_default(),
        keep: args.optional()?.unwrap_or(false),
    })
}

fn about(registry: &mut Registry) -> Registered {
    registry.method(&["anvil_nodeInfo"], |node, _| async move {
        node.with(|chain| info(chain)).await
    })?;
    registry.method(&["anvil_metadata", "hardhat_metadata"], |node, _| async move {
        node.with(|chain| metadata(chain)).await
    })?;
    // Nothing depends on these two: logging is the log filter's, and traces are made on request.
    let names = ["anvil_setLoggingEnabled", "hardhat_setLoggingEnabled", "anvil_enableTraces"];
    registry.method(&names, |_, _| async { Ok(()) })
}

fn info(chain: &Chain) -> NodeInfo {
    let head = chain.head();
    let base_fee = u128::from(chain.base_fee());
    NodeInfo {
        current_block_number: head.number(),
        current_block_timestamp: head.header.timestamp,
        current_block_hash: head.hash(),
        hard_fork: format!("arbos-{}", chain.config().arbos),
        transaction_order: match chain.config().order {
            Order::Fifo => "fifo".to_owned(),
            Order::Fees => "fees".to_owned(),
        },
        environment: NodeEnvironment {
            base_fee,
            chain_id: chain.config().chain_id,
            gas_limit: chain.block_gas,
            gas_price: base_fee,
        },
        fork_config: NodeForkConfig::default(),
        network: None,
    }
}

fn metadata(chain: &Chain) -> Metadata {
    let head = chain.head();
    let genesis = chain.block(0).map(|block| block.hash()).unwrap_or_default();
    let at = |height| (height, chain.block(height).map(|block| block.hash()).unwrap_or_default());
    Metadata {
        client_version: CLIENT_VERSION.to_owned(),
        client_semver: Some(env!("CARGO_PKG_VERSION").to_owned()),
        client_commit_sha: None,
        chain_id: chain.config().chain_id,
        instance_id: keccak256(genesis),
        latest_block_number: head.number(),
        latest_block_hash: head.hash(),
        forked_network: None,
        snapshots: chain.snapshots().map(|(id, height)| (U256::from(id), at(height))).collect(),
    }
}

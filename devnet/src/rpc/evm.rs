//! `evm_*`: mining, time and snapshots, under all the names that tools use for them.

use super::Node;
use super::error::{RpcError, RpcResult};
use super::registry::{Registered, Registry};
use super::shapes;
use crate::chain::{Block, Chain, MineError, TimeError};
use alloy::rpc::types::anvil::MineOptions;
use std::sync::Arc;
use std::time::Duration;

/// Most blocks of one request to mine.
const MAX_BLOCKS: u64 = 100_000;

/// Registers the namespace.
pub fn register(registry: &mut Registry) -> Registered {
    mining(registry)?;
    automine(registry)?;
    time(registry)?;
    snapshots(registry)
}

fn mining(registry: &mut Registry) -> Registered {
    registry.method(&["evm_mine"], |node, mut args| async move {
        let options: Option<MineOptions> = args.optional()?;
        mine_with(&node, options).await?;
        Ok("0x0")
    })?;
    registry.method(&["evm_mine_detailed"], |node, mut args| async move {
        let blocks = mine_with(&node, args.optional()?).await?;
        Ok(blocks.iter().map(|block| shapes::block(block, true)).collect::<Vec<_>>())
    })?;
    registry.method(&["anvil_mine", "hardhat_mine"], |node, mut args| async move {
        let count = args.optional_number()?.unwrap_or(1);
        let interval = args.optional_number()?;
        mine_some(&node, count, interval).await?;
        Ok(())
    })
}

async fn mine_with(node: &Node, options: Option<MineOptions>) -> RpcResult<Vec<Arc<Block>>> {
    let (timestamp, blocks) = match options.unwrap_or_default() {
        MineOptions::Options { timestamp, blocks } => (timestamp, blocks.unwrap_or(1)),
        MineOptions::Timestamp(timestamp) => (timestamp, 1),
    };
    if let Some(timestamp) = timestamp {
        node.chain(move |chain| set_next(chain, timestamp)).await?;
    }
    mine_some(node, blocks, None).await
}

async fn mine_some(node: &Node, count: u64, interval: Option<u64>) -> RpcResult<Vec<Arc<Block>>> {
    if count > MAX_BLOCKS {
        return Err(RpcError::limit(format!("{count} blocks: at most {MAX_BLOCKS} at once")));
    }
    node.chain(move |chain| mine(chain, count, interval)).await
}

/// Mines blocks, `interval` seconds apart if given.
fn mine(
    chain: &mut Chain,
    count: u64,
    interval: Option<u64>,
) -> Result<Vec<Arc<Block>>, MineError> {
    let mut blocks = Vec::new();
    for index in 0..count {
        if let Some(seconds) = interval.filter(|_| index > 0) {
            let next = chain.head().header.timestamp.saturating_add(seconds);
            let _ = chain.clock.set_next(next, next);
        }
        blocks.push(chain.mine()?.0);
    }
    Ok(blocks)
}

fn automine(registry: &mut Registry) -> Registered {
    // The two families differ in what they answer: true, and nothing.
    registry.method(&["evm_setAutomine"], |node, mut args| async move {
        set_automine(&node, args.next()?).await?;
        Ok(true)
    })?;
    registry.method(&["anvil_setAutomine"], |node, mut args| async move {
        set_automine(&node, args.next()?).await
    })?;
    registry.method(&["anvil_getAutomine", "hardhat_getAutomine"], |node, _| async move {
        node.with(|chain| chain.automine).await
    })?;
    registry.method(&["anvil_getIntervalMining"], |node, _| async move {
        Ok(node.interval.period().map(|period| period.as_secs()))
    })?;
    registry.method(
        &["evm_setIntervalMining", "hardhat_setIntervalMining"],
        |node, mut args| async move {
            set_interval(&node, args.number()?).await?;
            Ok(true)
        },
    )?;
    registry.method(&["anvil_setIntervalMining"], |node, mut args| async move {
        set_interval(&node, args.number()?).await
    })
}

async fn set_automine(node: &Node, on: bool) -> RpcResult<()> {
    node.chain(move |chain| {
        chain.automine = on;
        if on { chain.mine_waiting().map(|_| ()) } else { Ok(()) }
    })
    .await
}

/// Mines every so many seconds, or no longer at intervals.
async fn set_interval(node: &Node, seconds: u64) -> RpcResult<()> {
    let period = Duration::from_secs(seconds);
    let on = !period.is_zero();
    node.interval.set(on.then_some(period));
    node.with(move |chain| chain.automine &= !on).await
}

fn time(registry: &mut Registry) -> Registered {
    registry.method(&["evm_increaseTime", "anvil_increaseTime"], |node, mut args| async move {
        let seconds = args.number()?;
        node.with(move |chain| chain.clock.increase(seconds)).await
    })?;
    let names = ["evm_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"];
    registry.method(&names, |node, mut args| async move {
        let timestamp = args.number()?;
        node.chain(move |chain| set_next(chain, timestamp)).await
    })?;
    registry.method(&["evm_setTime", "anvil_setTime"], |node, mut args| async move {
        let timestamp = args.number()?;
        node.with(move |chain| {
            chain.clock.set(timestamp);
            chain.clock.offset().unsigned_abs()
        })
        .await
    })?;
    registry.method(&["anvil_setBlockTimestampInterval"], |node, mut args| async move {
        let seconds = args.number()?;
        node.with(move |chain| chain.clock.set_interval(Some(seconds))).await?;
        Ok(())
    })?;
    registry.method(&["anvil_removeBlockTimestampInterval"], |node, _| async move {
        node.with(|chain| chain.clock.set_interval(None)).await
    })
}

fn set_next(chain: &mut Chain, timestamp: u64) -> Result<(), TimeError> {
    let latest = chain.head().header.timestamp;
    chain.clock.set_next(timestamp, latest)
}

fn snapshots(registry: &mut Registry) -> Registered {
    registry.method(&["evm_snapshot", "anvil_snapshot"], |node, _| async move {
        node.with(|chain| chain.snapshot()).await
    })?;
    registry.method(&["evm_revert", "anvil_revert"], |node, mut args| async move {
        let id = args.big()?;
        node.with(move |chain| chain.revert(id)).await
    })
}

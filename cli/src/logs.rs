//! Finding a log that must exist, whatever the node's limits are.

use std::time::Duration;

use alloy::{
    providers::Provider,
    rpc::types::{Filter, Log},
    transports::RpcError,
};
use tokio::time::sleep;

use crate::{chain::Chain, failure::Failure};

/// The smallest range of blocks that a node must answer for.
const SMALLEST_RANGE: u64 = 64;
/// Most questions for one log.
const MOST_RANGES: u32 = 5_000;
/// How often everything is searched for a log that must exist: a node may show a block's state
/// before its logs.
const SEARCHES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(300);

/// Finds the newest log that fits. The state says that it exists: a search that ends without
/// it is repeated, then it is the node's fault.
pub async fn find(
    chain: &Chain,
    filter: &Filter,
    what: &str,
    fits: impl Fn(&Log) -> bool,
) -> anyhow::Result<Log> {
    for search in 0..SEARCHES {
        sleep(PAUSE * search).await;
        if let Some(log) = newest(&chain.provider, filter, 0, what, &fits).await? {
            return Ok(log);
        }
    }
    Err(Failure::Chain(format!(
        "{what}: the chain's state says that it exists, but the node shows no log of it; try \
         again, or another --rpc-url"
    ))
    .into())
}

/// Searches from the newest block down to the oldest, in smaller ranges when the node refuses
/// large ones.
pub async fn newest(
    provider: &impl Provider,
    filter: &Filter,
    oldest: u64,
    what: &str,
    fits: impl Fn(&Log) -> bool,
) -> anyhow::Result<Option<Log>> {
    let failed = |error: &dyn std::fmt::Display| Failure::Chain(format!("{what}: {error}"));
    let mut to = provider.get_block_number().await.map_err(|e| failed(&e))?;
    let mut range = to.saturating_sub(oldest) + 1;
    for _ in 0..MOST_RANGES {
        let from = to.saturating_sub(range - 1).max(oldest.min(to));
        let part = filter.clone().from_block(from).to_block(to);
        match provider.get_logs(&part).await {
            Ok(logs) => {
                if let Some(log) = logs.into_iter().rev().find(|log| fits(log)) {
                    return Ok(Some(log));
                }
                match from.checked_sub(1) {
                    Some(next) if from > oldest => to = next,
                    _ => return Ok(None),
                }
            }
            // Too many blocks or too many results: nodes have no common code for either.
            Err(RpcError::ErrorResp(_)) if range > SMALLEST_RANGE => range /= 2,
            Err(error) => return Err(failed(&error).into()),
        }
    }
    Err(failed(&format!("the node answers for {range} blocks at a time, which is too few")).into())
}

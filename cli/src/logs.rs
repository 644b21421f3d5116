//! Finding a log that must exist, whatever the node's limits are.

use std::time::Duration;

use alloy::{
    providers::Provider as _,
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
        if let Some(log) = newest(chain, filter, what, &fits).await? {
            return Ok(log);
        }
    }
    Err(Failure::Chain(format!(
        "{what}: the chain's state says that it exists, but the node shows no log of it; try \
         again, or another --rpc-url"
    ))
    .into())
}

/// Searches from the newest block downward, in smaller ranges when the node refuses large ones.
async fn newest(
    chain: &Chain,
    filter: &Filter,
    what: &str,
    fits: impl Fn(&Log) -> bool,
) -> anyhow::Result<Option<Log>> {
    let failed = |error: &dyn std::fmt::Display| Failure::Chain(format!("{what}: {error}"));
    let mut to = chain.provider.get_block_number().await.map_err(|e| failed(&e))?;
    let mut range = to + 1;
    for _ in 0..MOST_RANGES {
        let from = to.saturating_sub(range - 1);
        let part = filter.clone().from_block(from).to_block(to);
        match chain.provider.get_logs(&part).await {
            Ok(logs) => {
                if let Some(log) = logs.into_iter().rev().find(|log| fits(log)) {
                    return Ok(Some(log));
                }
                let Some(next) = from.checked_sub(1) else { return Ok(None) };
                to = next;
            }
            // Too many blocks or too many results: nodes have no common code for either.
            Err(RpcError::ErrorResp(_)) if range > SMALLEST_RANGE => range /= 2,
            Err(error) => return Err(failed(&error).into()),
        }
    }
    Err(failed(&format!("the node answers for {range} blocks at a time, which is too few")).into())
}

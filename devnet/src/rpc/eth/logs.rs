//! Looking logs up.

use crate::chain::{Chain, LookupError};
use crate::rpc::error::{RpcError, RpcResult};
use crate::rpc::registry::{Registered, Registry};
use alloy::eips::BlockNumberOrTag;
use alloy::rpc::types::{Filter, FilterBlockOption, Log};
use std::ops::RangeInclusive;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getLogs"], |node, mut args| async move {
        let filter: Filter = args.next()?;
        node.chain(move |chain| query(chain, &filter)).await
    })
}

/// All logs that a filter wants, oldest first.
pub fn query(chain: &Chain, filter: &Filter) -> RpcResult<Vec<Log>> {
    let most = chain.config().limits.log_results;
    let mut found = Vec::new();
    for number in range(chain, filter)? {
        let Some(block) = chain.block(number) else { break };
        if !filter.matches_bloom(block.header.logs_bloom) {
            continue;
        }
        found.extend(block.logs().into_iter().filter(|log| filter.matches(&log.inner)));
        if found.len() > most {
            return Err(RpcError::limit(format!(
                "query returns more than {most} logs: narrow the block range or the filter"
            )));
        }
    }
    Ok(found)
}

fn range(chain: &Chain, filter: &Filter) -> RpcResult<RangeInclusive<u64>> {
    let (from, to) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block =
                chain.block_by_hash(&hash).ok_or_else(|| RpcError::server("unknown block"))?;
            return Ok(block.number()..=block.number());
        }
        FilterBlockOption::Range { from_block, to_block } => {
            (number(chain, from_block)?, number(chain, to_block)?)
        }
    };
    if from > to {
        return Err(RpcError::params(format!("invalid block range: from {from} to {to}")));
    }
    let (to, most) = (to.min(chain.height()), chain.config().limits.log_blocks);
    if to.saturating_sub(from) >= most {
        return Err(RpcError::limit(format!(
            "block range {from} to {to} is more than {most} blocks: split the query"
        )));
    }
    Ok(from..=to)
}

fn number(chain: &Chain, block: Option<BlockNumberOrTag>) -> Result<u64, LookupError> {
    match block.unwrap_or_default() {
        BlockNumberOrTag::Number(number) => Ok(number),
        tag => chain.find(tag.into()).map(|block| block.number()).ok_or(LookupError::NotFound),
    }
}

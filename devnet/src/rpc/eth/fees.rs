//! Fees: the base fee is all there is, tips are dropped.

use crate::chain::{BLOCK_GAS, Chain, LookupError};
use crate::rpc::error::{RpcError, RpcResult};
use crate::rpc::registry::{Registered, Registry};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::U128;
use alloy::rpc::types::FeeHistory;

/// Most blocks of one fee history.
const MAX_HISTORY: u64 = 1_024;
/// Most percentiles of one fee history.
const MAX_PERCENTILES: usize = 100;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_gasPrice"], |node, _| async move {
        node.with(|chain| U128::from(chain.base_fee())).await
    })?;
    registry.method(&["eth_maxPriorityFeePerGas"], |_, _| async { Ok(U128::ZERO) })?;
    registry.method(&["eth_blobBaseFee"], |_, _| async {
        RpcResult::<U128>::Err(RpcError::server("blobs do not exist on this chain"))
    })?;
    registry.method(&["eth_feeHistory"], |node, mut args| async move {
        let (count, newest) = (args.number()?, BlockId::Number(args.next::<BlockNumberOrTag>()?));
        let percentiles: Vec<f64> = args.optional()?.unwrap_or_default();
        check(&percentiles)?;
        node.chain(move |chain| history(chain, count, newest, percentiles.len())).await
    })
}

fn check(percentiles: &[f64]) -> RpcResult<()> {
    let ordered = percentiles.is_sorted() && percentiles.iter().all(|p| (0.0..=100.0).contains(p));
    if !ordered || percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::server(format!(
            "invalid reward percentiles: at most {MAX_PERCENTILES}, rising, between 0 and 100"
        )));
    }
    Ok(())
}

fn history(
    chain: &Chain,
    count: u64,
    newest: BlockId,
    percentiles: usize,
) -> Result<FeeHistory, LookupError> {
    let newest = chain.find(newest).ok_or(LookupError::NotFound)?.number();
    let count = count.min(MAX_HISTORY).min(newest + 1);
    let oldest = newest + 1 - count;
    let blocks: Vec<_> = (oldest..=newest).filter_map(|number| chain.block(number)).collect();
    let mut base_fees: Vec<_> = blocks.iter().map(|block| u128::from(block.base_fee())).collect();
    let next = chain.block(newest + 1).map_or(chain.base_fee(), |block| block.base_fee());
    base_fees.push(next.into());
    Ok(FeeHistory {
        base_fee_per_gas: base_fees,
        gas_used_ratio: blocks
            .iter()
            .map(|block| (block.header.gas_used as f64 / BLOCK_GAS as f64).min(1.0))
            .collect(),
        base_fee_per_blob_gas: Vec::new(),
        blob_gas_used_ratio: Vec::new(),
        oldest_block: oldest,
        reward: (percentiles > 0).then(|| vec![vec![0; percentiles]; blocks.len()]),
    })
}

//! Transactions and receipts by hash.

use crate::chain::Chain;
use crate::rpc::registry::{Registered, Registry};
use crate::rpc::shapes;
use crate::tx::Tx;
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256, Bytes};
use alloy::rpc::types::Transaction;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getTransactionByHash"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        node.with(move |chain| {
            chain
                .find_tx(&hash)
                .and_then(|(block, index)| shapes::mined(block, index))
                .or_else(|| chain.find_waiting(&hash).map(shapes::waiting))
        })
        .await
    })?;
    registry.method(&["eth_getTransactionReceipt"], |node, mut args| async move {
        let hash: B256 = args.next()?;
        node.with(move |chain| {
            chain.find_tx(&hash).and_then(|(block, index)| shapes::receipt(block, index))
        })
        .await
    })?;
    registry.method(
        &["eth_getRawTransactionByHash", "debug_getRawTransaction"],
        |node, mut args| async move {
            let hash: B256 = args.next()?;
            node.with(move |chain| {
                let mined = chain.find_tx(&hash).and_then(|(block, index)| block.txs.get(index));
                mined.or(chain.find_waiting(&hash)).map(raw)
            })
            .await
        },
    )?;
    registry.method(
        &["eth_getRawTransactionByBlockNumberAndIndex"],
        |node, mut args| async move {
            let (block, index) =
                (BlockId::Number(args.next::<BlockNumberOrTag>()?), args.number()?);
            node.with(move |chain| raw_at(chain, block, index)).await
        },
    )?;
    registry.method(
        &["eth_getRawTransactionByBlockHashAndIndex"],
        |node, mut args| async move {
            let (block, index) = (BlockId::from(args.next::<B256>()?), args.number()?);
            node.with(move |chain| raw_at(chain, block, index)).await
        },
    )?;
    registry.method(&["eth_getTransactionBySenderAndNonce"], |node, mut args| async move {
        let (sender, nonce): (Address, u64) = (args.next()?, args.number()?);
        node.with(move |chain| by_nonce(chain, sender, nonce)).await
    })?;
    registry.method(&["eth_pendingTransactions"], |node, _| async move {
        node.with(|chain| {
            chain.waiting().iter().map(|(tx, _)| shapes::waiting(tx)).collect::<Vec<_>>()
        })
        .await
    })
}

fn raw(tx: &Tx) -> Bytes {
    tx.envelope().encoded_2718().into()
}

fn raw_at(chain: &Chain, block: BlockId, index: u64) -> Option<Bytes> {
    chain.find(block)?.txs.get(usize::try_from(index).ok()?).map(raw)
}

fn by_nonce(chain: &Chain, sender: Address, nonce: u64) -> Option<Transaction> {
    let matches = |tx: &Tx| tx.sender() == sender && tx.nonce() == nonce;
    for number in (0..=chain.height()).rev() {
        let block = chain.block(number)?;
        if let Some(index) = block.txs.iter().position(matches) {
            return shapes::mined(block, index);
        }
    }
    chain.waiting().iter().find(|(tx, _)| matches(tx)).map(|(tx, _)| shapes::waiting(tx))
}

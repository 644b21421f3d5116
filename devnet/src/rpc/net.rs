//! `net_*`, `web3_*`, `rpc_modules` and `txpool_*`.

use super::registry::{Registered, Registry};
use super::shapes;
use crate::tx::Tx;
use alloy::primitives::{Address, Bytes, U64, keccak256};
use serde_json::{Map, Value, json};

/// Name and version of this program.
pub const CLIENT_VERSION: &str = concat!("nexus-devnet/v", env!("CARGO_PKG_VERSION"));

/// Registers the namespaces.
pub fn register(registry: &mut Registry) -> Registered {
    registry
        .method(&["net_version"], |node, _| async move { Ok(node.config.chain_id.to_string()) })?;
    registry.method(&["net_listening"], |_, _| async { Ok(true) })?;
    registry.method(&["net_peerCount"], |_, _| async { Ok(U64::ZERO) })?;
    registry.method(&["web3_clientVersion"], |_, _| async { Ok(CLIENT_VERSION) })?;
    registry.method(&["web3_sha3"], |_, mut args| async move {
        let data: Bytes = args.next()?;
        Ok(keccak256(data))
    })?;
    registry.method(&["rpc_modules"], |_, _| async {
        let names = ["anvil", "debug", "eth", "evm", "hardhat", "net", "txpool", "web3"];
        Ok(names
            .map(|name| (name, "1.0"))
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>())
    })?;
    txpool(registry)
}

fn txpool(registry: &mut Registry) -> Registered {
    registry.method(&["txpool_status"], |node, _| async move {
        let all = node.with(|chain| chain.waiting()).await?;
        let pending = all.iter().filter(|(_, ready)| *ready).count();
        let count = |n: usize| U64::from(n);
        Ok(json!({ "pending": count(pending), "queued": count(all.len() - pending) }))
    })?;
    registry.method(&["txpool_content"], |node, _| async move {
        let all = node.with(|chain| chain.waiting()).await?;
        Ok(grouped(&all, |tx| serde_json::to_value(shapes::waiting(tx)).unwrap_or_default()))
    })?;
    registry.method(&["txpool_contentFrom"], |node, mut args| async move {
        let sender: Address = args.next()?;
        let all = node.with(|chain| chain.waiting()).await?;
        let queue = |ready: bool| -> Map<String, Value> {
            all.iter()
                .filter(|(tx, is_ready)| tx.sender() == sender && *is_ready == ready)
                .map(|(tx, _)| (tx.nonce().to_string(), json!(shapes::waiting(tx))))
                .collect()
        };
        Ok(json!({ "pending": queue(true), "queued": queue(false) }))
    })?;
    registry.method(&["txpool_inspect"], |node, _| async move {
        use alloy::consensus::Transaction;
        let all = node.with(|chain| chain.waiting()).await?;
        Ok(grouped(&all, |tx| {
            let tx = tx.envelope();
            let to = tx.to().map_or("contract creation".to_owned(), |to| to.to_string());
            let (value, gas, fee) = (tx.value(), tx.gas_limit(), tx.max_fee_per_gas());
            format!("{to}: {value} wei + {gas} gas × {fee} wei").into()
        }))
    })
}

/// Groups by readiness, sender and nonce.
fn grouped(all: &[(Tx, bool)], show: impl Fn(&Tx) -> Value) -> Value {
    let group = |ready: bool| {
        let mut senders = Map::<String, Value>::new();
        for (tx, _) in all.iter().filter(|(_, is_ready)| *is_ready == ready) {
            let sender: Address = tx.sender();
            let queue = senders.entry(sender.to_string()).or_insert_with(|| json!({}));
            queue[tx.nonce().to_string()] = show(tx);
        }
        senders
    };
    json!({ "pending": group(true), "queued": group(false) })
}

//! Sending transactions.

use crate::chain::{CallInput, ChainEvent, SubmitError};
use crate::rpc::Node;
use crate::rpc::error::{RpcError, RpcResult};
use crate::rpc::registry::{Registered, Registry};
use crate::rpc::shapes::{self, RpcReceipt};
use crate::tx::Tx;
use alloy::eips::BlockId;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, Signature, eip191_hash_message};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the synchronous variants wait for a block.
const SYNC_WAIT: Duration = Duration::from_secs(30);

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_sendRawTransaction"], |node, mut args| async move {
        let raw: Bytes = args.next()?;
        send_raw(&node, raw).await
    })?;
    registry.method(&["eth_sendRawTransactionSync"], |node, mut args| async move {
        let raw: Bytes = args.next()?;
        let events = node.handle.subscribe();
        let hash = send_raw(&node, raw).await?;
        wait(&node, events, hash).await
    })?;
    let names = ["eth_sendTransaction", "eth_sendUnsignedTransaction", "wallet_sendTransaction"];
    registry.method(&names, |node, mut args| async move {
        let request: TransactionRequest = args.next()?;
        send(&node, request).await
    })?;
    registry.method(&["eth_sendTransactionSync"], |node, mut args| async move {
        let request: TransactionRequest = args.next()?;
        let events = node.handle.subscribe();
        let hash = send(&node, request).await?;
        wait(&node, events, hash).await
    })?;
    signing(registry)
}

fn signing(registry: &mut Registry) -> Registered {
    registry.method(&["eth_signTransaction"], |node, mut args| async move {
        let request: TransactionRequest = args.next()?;
        let request = fill_gas(&node, request).await?;
        let tx = node.chain(move |chain| chain.build(request)).await?;
        Ok(Bytes::from(tx.envelope().encoded_2718()))
    })?;
    registry.method(&["eth_fillTransaction"], |node, mut args| async move {
        let request: TransactionRequest = args.next()?;
        let request = fill_gas(&node, request).await?;
        let tx = node.chain(move |chain| chain.build(request)).await?;
        let shown = serde_json::to_value(shapes::waiting(&tx)).unwrap_or(Value::Null);
        Ok(json!({ "raw": Bytes::from(tx.envelope().encoded_2718()), "tx": shown }))
    })?;
    registry.method(&["eth_sign"], |node, mut args| async move {
        let (address, message): (Address, Bytes) = (args.next()?, args.next()?);
        sign(&node, address, message).await
    })?;
    registry.method(&["personal_sign"], |node, mut args| async move {
        let (message, address): (Bytes, Address) = (args.next()?, args.next()?);
        sign(&node, address, message).await
    })
}

async fn send_raw(node: &Node, raw: Bytes) -> RpcResult<B256> {
    // Recovering the sender is the expensive part: it does not belong on the chain's thread.
    let tx = Tx::decode(&raw)?;
    node.chain(move |chain| chain.submit(tx)).await
}

async fn send(node: &Node, request: TransactionRequest) -> RpcResult<B256> {
    let request = fill_gas(node, request).await?;
    node.chain(move |chain| {
        let tx = chain.build(request)?;
        chain.submit(tx)
    })
    .await
}

/// Estimates the gas of a request that names none. A request that cannot succeed is an error.
async fn fill_gas(node: &Node, mut request: TransactionRequest) -> RpcResult<TransactionRequest> {
    if request.gas.is_none() {
        let mut input = CallInput { request: request.clone(), ..CallInput::default() };
        if input.request.from.is_none() {
            let first = node.with(|chain| chain.accounts().first().copied()).await?;
            input.request.from = first;
        }
        let gas = node.on_view(BlockId::latest(), move |view| view.estimate(input)).await?;
        request.gas = Some(gas);
    }
    Ok(request)
}

async fn sign(node: &Node, address: Address, message: Bytes) -> RpcResult<Bytes> {
    let signer = node.with(move |chain| chain.signer(address).cloned()).await?;
    let signer = signer.ok_or(SubmitError::UnknownAccount(address))?;
    let signature: Signature = signer
        .sign_hash_sync(&eip191_hash_message(message))
        .map_err(|error| RpcError::server(error.to_string()))?;
    Ok(Bytes::copy_from_slice(&signature.as_bytes()))
}

async fn wait(
    node: &Node,
    mut events: tokio::sync::broadcast::Receiver<ChainEvent>,
    hash: B256,
) -> RpcResult<RpcReceipt> {
    let found = async {
        loop {
            let receipt = node
                .with(move |chain| chain.find_tx(&hash).and_then(|(b, i)| shapes::receipt(b, i)))
                .await?;
            if let Some(receipt) = receipt {
                return Ok(receipt);
            }
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
                return Err(RpcError::server("the chain has stopped"));
            }
        }
    };
    tokio::time::timeout(SYNC_WAIT, found).await.unwrap_or_else(|_| {
        Err(RpcError::server(format!("transaction {hash} is not in a block yet")))
    })
}

//! Transactions and calls in numbers. One connection sends, and waits for each answer before it
//! sends on. Ours answers when the transaction has its block; anvil answers before, and takes what
//! has come meanwhile into one block. With more connections it left some without a block.

use crate::client::{Client, request};
use crate::node::Node;
use crate::tokens::{self, balanceOfCall, mintCall, transferCall};
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, TxKind, U256, address};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Connections, and accounts that send.
const SENDERS: usize = 1;
/// Calls before time counts.
const WARM_UP: usize = 200;
/// Wei per gas, enough for both nodes however their base fees move.
const FEE: u128 = 10_000_000_000;
/// Who receives.
const RECIPIENT: Address = address!("00000000000000000000000000000000deadbeef");

/// Plain transfers per second.
pub async fn transfers(node: &Node, count: usize) -> Result<f64> {
    let tx = TxEip1559 {
        to: TxKind::Call(RECIPIENT),
        gas_limit: 100_000,
        value: U256::from(1),
        ..TxEip1559::default()
    };
    rate(node, &tx, count).await
}

/// Gives every sender tokens.
pub async fn mint(node: &Node, token: Address) -> Result<()> {
    let amount = U256::MAX / U256::from(2 * SENDERS);
    let tx = call(token, mintCall { amount }.abi_encode());
    rate(node, &tx, SENDERS).await.map(|_| ())
}

/// Token transfers per second.
pub async fn token_transfers(node: &Node, token: Address, count: usize) -> Result<f64> {
    let input = transferCall { to: RECIPIENT, amount: U256::from(3) }.abi_encode();
    let mut client = Client::connect(node.address).await?;
    let before = tokens::balance(&mut client, token, RECIPIENT).await?;
    let rate = rate(node, &call(token, input), count).await?;
    let after = tokens::balance(&mut client, token, RECIPIENT).await?;
    let sent = count.div_ceil(SENDERS) * SENDERS;
    ensure!(after - before == U256::from(3 * sent), "tokens were lost: {before} to {after}");
    Ok(rate)
}

fn call(token: Address, input: Vec<u8>) -> TxEip1559 {
    let to = TxKind::Call(token);
    TxEip1559 { to, gas_limit: 300_000, input: input.into(), ..TxEip1559::default() }
}

/// Copies of a transaction per second.
async fn rate(node: &Node, tx: &TxEip1559, count: usize) -> Result<f64> {
    let accounts = devnet::accounts::derive(devnet::accounts::MNEMONIC, SENDERS as u32)?;
    let each = count.div_ceil(SENDERS);
    let mut queues = Vec::with_capacity(SENDERS);
    for account in &accounts {
        queues.push(queue(node, tx, &account.signer()?, each).await?);
    }
    let begin = Instant::now();
    let tasks: Vec<_> =
        queues.into_iter().map(|queue| tokio::spawn(drain(node.address, queue))).collect();
    for task in tasks {
        task.await??;
    }
    Ok((each * SENDERS) as f64 / begin.elapsed().as_secs_f64())
}

/// Signed copies of a transaction with rising nonces, as HTTP requests.
async fn queue(
    node: &Node,
    tx: &TxEip1559,
    signer: &PrivateKeySigner,
    count: usize,
) -> Result<Vec<Vec<u8>>> {
    let mut client = Client::connect(node.address).await?;
    let sender = json!([signer.address(), "latest"]);
    let nonce = number(&client.call("eth_getTransactionCount", sender).await?)?;
    (nonce..nonce + count as u64)
        .map(|nonce| {
            let mut tx =
                TxEip1559 { chain_id: node.chain_id, nonce, max_fee_per_gas: FEE, ..tx.clone() };
            let signature = signer.sign_transaction_sync(&mut tx)?;
            let raw: Bytes = tx.into_signed(signature).encoded_2718().into();
            Ok(request("eth_sendRawTransaction", &json!([raw])))
        })
        .collect()
}

/// Sends everything and waits until the last of it is in a block, as it may be later than its
/// answer.
async fn drain(address: SocketAddr, queue: Vec<Vec<u8>>) -> Result<()> {
    let mut client = Client::connect(address).await?;
    let mut last = Value::Null;
    for request in queue {
        last = client.send(&request).await?;
    }
    client.receipt(&last).await.map(|_| ())
}

/// The number of the latest block.
pub async fn height(node: &Node) -> Result<u64> {
    let mut client = Client::connect(node.address).await?;
    number(&client.call("eth_blockNumber", json!([])).await?)
}

fn number(value: &Value) -> Result<u64> {
    Ok(u64::from_str_radix(value.as_str().unwrap_or_default().trim_start_matches("0x"), 16)?)
}

/// How long single calls of a view take, sorted.
pub async fn calls(node: &Node, token: Address, count: usize) -> Result<Vec<Duration>> {
    let input = Bytes::from(balanceOfCall { account: RECIPIENT }.abi_encode());
    let request = request("eth_call", &json!([{ "to": token, "input": input }, "latest"]));
    let mut client = Client::connect(node.address).await?;
    for _ in 0..WARM_UP {
        client.send(&request).await?;
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let begin = Instant::now();
        client.send(&request).await?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

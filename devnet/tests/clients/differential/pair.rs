//! Our node and anvil, side by side, with blocks that begin alike.

use super::transactions::{BASE_FEE, CHAIN};
use crate::process::{Server, client};
use crate::rpc::{Node, Request};
use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Bytes, hex};
use devnet::chain::{HEADER_GAS_LIMIT, SEQUENCER};
use devnet::{Config, Devnet};
use serde_json::{Value, json};
use tokio::process::Command;

/// Timestamp of both first blocks, in seconds since the Unix epoch.
const START: u64 = 1_800_000_000;

/// Both nodes.
#[derive(Debug)]
pub struct Pair {
    /// Our chain, to be stopped at the end.
    pub devnet: Devnet,
    pub ours: Node,
    pub theirs: Node,
    _anvil: Server,
    time: u64,
}

/// What both nodes say of one transaction.
#[derive(Debug)]
pub struct Outcomes {
    pub ours: Value,
    pub theirs: Value,
    pub our_trace: Value,
    pub their_trace: Value,
}

impl Pair {
    /// Starts both with the same accounts and rules, mining only when told to.
    pub async fn start() -> Self {
        let config = Config {
            chain_id: CHAIN,
            base_fee: BASE_FEE,
            timestamp: Some(START),
            ..Config::default()
        };
        let devnet = Devnet::spawn(config).await.unwrap();
        let mut command = Command::new(client(".bin/anvil"));
        command.args(["--port", "0", "--hardfork", "osaka", "--order", "fifo", "--no-mining"]);
        for (name, value) in [
            ("--chain-id", CHAIN),
            ("--gas-limit", HEADER_GAS_LIMIT),
            ("--block-base-fee-per-gas", BASE_FEE),
            ("--timestamp", START),
        ] {
            command.arg(name).arg(value.to_string());
        }
        let anvil = Server::start(&mut command, "Listening on").await;
        let address = anvil.ready.rsplit(' ').next().unwrap();
        let theirs = Node::new(&format!("http://{address}"));
        let ours = Node::new(&devnet.rpc_url());
        ours.call("evm_setAutomine", json!([false])).await;
        theirs.call("anvil_setCoinbase", json!([SEQUENCER])).await;
        Self { devnet, ours, theirs, _anvil: anvil, time: START }
    }

    /// The same requests to both.
    pub async fn both(&self, requests: &[Request]) -> (Vec<Value>, Vec<Value>) {
        tokio::join!(self.ours.all(requests), self.theirs.all(requests))
    }

    /// Mines the transactions into one block of each node.
    pub async fn block(&mut self, txs: &[TxEnvelope]) -> Vec<Outcomes> {
        self.time += 12;
        let start = [
            ("evm_setNextBlockTimestamp", json!([self.time])),
            ("anvil_setNextBlockBaseFeePerGas", json!([BASE_FEE.to_string()])),
        ];
        self.both(&start).await;
        let send: Vec<Request> = txs
            .iter()
            .map(|tx| ("eth_sendRawTransaction", json!([Bytes::from(tx.encoded_2718())])))
            .collect();
        self.both(&send).await;
        self.both(&[("evm_mine", json!([]))]).await;
        let hashes = || txs.iter().map(|tx| json!(tx.tx_hash()));
        let tracer = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
        let receipts: Vec<Request> =
            hashes().map(|hash| ("eth_getTransactionReceipt", json!([hash]))).collect();
        let traces: Vec<Request> =
            hashes().map(|hash| ("debug_traceTransaction", json!([hash, tracer]))).collect();
        let (ours, theirs) = self.both(&receipts).await;
        let (our_traces, their_traces) =
            tokio::join!(self.our_traces(&traces, &tracer), self.theirs.try_all(&traces));
        let traces = our_traces.into_iter().zip(their_traces.into_iter().map(readable));
        let outcomes = ours.into_iter().zip(theirs).zip(traces);
        outcomes
            .map(|((ours, theirs), (our_trace, their_trace))| Outcomes {
                ours,
                theirs,
                our_trace,
                their_trace,
            })
            .collect()
    }
}

impl Pair {
    /// The traces of the latest block, all at once if they can be read so.
    async fn our_traces(&self, each: &[Request], tracer: &Value) -> Vec<Value> {
        let whole = ("debug_traceBlockByNumber", json!(["latest", tracer]));
        match self.ours.try_all(&[whole]).await.remove(0) {
            Ok(Value::Array(traces)) => {
                traces.into_iter().map(|mut trace| trace["result"].take()).collect()
            }
            Ok(other) => panic!("no list of traces: {other}"),
            Err(_) => self.ours.try_all(each).await.into_iter().map(readable).collect(),
        }
    }
}

/// A trace, unless it is of calls nested deeper than JSON can be read.
fn readable(trace: Result<Value, String>) -> Value {
    match trace {
        Ok(trace) => trace,
        Err(error) if error.contains("recursion limit") => Value::Null,
        Err(error) => panic!("{error}"),
    }
}

/// A number in a JSON object.
pub fn number(object: &Value, field: &str) -> u64 {
    let text = object[field].as_str().unwrap_or_else(|| panic!("no {field}: {object}"));
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

/// The transaction's binary form, to run it again by hand.
pub fn raw(tx: &TxEnvelope) -> String {
    hex::encode_prefixed(tx.encoded_2718())
}

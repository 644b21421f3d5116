//! The least of a JSON-RPC client: one connection that is kept, one request at a time.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// After this long without a block a node is told to mine.
const NUDGE: Duration = Duration::from_millis(100);
/// A transaction is in a block after this long, or will not be.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// Calls a method and returns its result.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.send(&request(method, &params)).await
    }

    /// A transaction's receipt, once it is in a block. anvil forgets a transaction now and then
    /// that comes while it mines, until something else makes it mine: here a nudge does.
    pub async fn receipt(&mut self, hash: &Value) -> Result<Value> {
        let begin = Instant::now();
        let mut nudge = begin + NUDGE;
        loop {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await?;
            if !receipt.is_null() {
                return Ok(receipt);
            }
            if Instant::now() > nudge {
                self.call("evm_mine", json!([])).await?;
                nudge += NUDGE;
            }
            ensure!(begin.elapsed() < PATIENCE, "transaction {hash} finds no block");
        }
    }

    /// Sends a prepared HTTP request and returns the result.
    pub async fn send(&mut self, request: &[u8]) -> Result<Value> {
        self.stream.get_mut().write_all(request).await?;
        let mut length = None;
        loop {
            self.line.clear();
            ensure!(self.stream.read_line(&mut self.line).await? > 0, "connection closed");
            let line = self.line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        self.body.resize(length.context("an answer without length")?, 0);
        self.stream.read_exact(&mut self.body).await?;
        let mut answer: Value = serde_json::from_slice(&self.body)?;
        if let Some(error) = answer.get("error") {
            bail!("{error}");
        }
        Ok(answer["result"].take())
    }
}

/// A whole HTTP request.
pub fn request(method: &str, params: &Value) -> Vec<u8> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

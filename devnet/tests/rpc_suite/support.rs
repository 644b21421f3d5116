//! What the tests share: a chain, wallets, and small contracts in hand-written bytecode.

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, Bytes, U256, bytes};
use alloy::providers::{DynProvider, Provider, ProviderBuilder, WsConnect};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use devnet::{Config, Devnet};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Nothing that a test waits for takes longer.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Adds 1 to slot 0 and logs its input, with the first word as topic.
pub const COUNTER: Bytes = bytes!("366000600037600054600101600055600035366000a100");
/// Reverts with its input as data.
pub const REVERTER: Bytes = bytes!("366000600037366000fd");
/// Runs an invalid opcode.
pub const INVALID: Bytes = bytes!("fe");
/// Returns TIMESTAMP, NUMBER, BASEFEE, COINBASE and CHAINID as words.
pub const BLOCK_INFO: Bytes = bytes!("426000524360205248604052416060524660805260a06000f3");

/// A chain with the default settings.
pub async fn chain() -> Devnet {
    Devnet::spawn(Config::default()).await.unwrap()
}

/// A client of `node` that signs for all dev accounts, the first by default.
pub fn client(node: &Devnet) -> DynProvider {
    ProviderBuilder::new()
        .wallet(wallet(node))
        .connect_http(node.rpc_url().parse().unwrap())
        .erased()
}

/// The same over WebSocket.
pub async fn ws_client(node: &Devnet) -> DynProvider {
    let connect = WsConnect::new(node.ws_url());
    ProviderBuilder::new().wallet(wallet(node)).connect_ws(connect).await.unwrap().erased()
}

fn wallet(node: &Devnet) -> EthereumWallet {
    let mut signers = node.accounts().iter().map(|account| account.signer().unwrap());
    let mut wallet = EthereumWallet::new(signers.next().unwrap());
    signers.for_each(|signer| wallet.register_signer(signer));
    wallet
}

/// Init code that deploys `runtime`.
pub fn init_code(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).unwrap();
    let mut code = vec![0x60, length, 0x80, 0x60, 0x0b, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    code.extend_from_slice(runtime);
    code.into()
}

/// Deploys `runtime` and returns where it is.
pub async fn deploy(client: &DynProvider, runtime: &[u8]) -> Address {
    let request = TransactionRequest::default().create().input(init_code(runtime).into());
    let receipt = send(client, request).await;
    assert!(receipt.status());
    receipt.contract_address.unwrap()
}

/// Sends a request and waits for its receipt.
pub async fn send(client: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    let pending = client.send_transaction(request).await.unwrap();
    within(pending.get_receipt()).await.unwrap()
}

/// A request that gives `data` to `to`.
pub fn call_to(to: Address, data: impl Into<Bytes>) -> TransactionRequest {
    TransactionRequest::default().to(to).input(data.into().into())
}

/// A word that holds a number.
pub fn word(n: u64) -> Bytes {
    Bytes::copy_from_slice(&U256::from(n).to_be_bytes::<32>())
}

/// The result of something that must not take long.
pub async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("nothing came within the deadline")
}

/// A raw JSON-RPC request; returns the whole answer.
pub async fn post(node: &Devnet, body: Value) -> Value {
    post_text(node, body.to_string()).await.1
}

/// A raw HTTP request; returns the status and the answer.
pub async fn post_text(node: &Devnet, body: String) -> (u16, Value) {
    post_to(node.address(), body).await
}

/// The same to any address.
pub async fn post_to(address: std::net::SocketAddr, body: String) -> (u16, Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may answer and close before it has read a body that is too large.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

/// Calls one method and returns its result.
pub async fn rpc(node: &Devnet, method: &str, params: Value) -> Value {
    let answer = post(node, request(method, params)).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// Calls one method and returns its error.
pub async fn rpc_error(node: &Devnet, method: &str, params: Value) -> Value {
    let answer = post(node, request(method, params)).await;
    assert!(answer.get("error").is_some(), "{method}: {answer}");
    answer["error"].clone()
}

/// One request object.
pub fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// Where the npm packages are, if they are installed.
pub fn node_modules() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/node/node_modules");
    path.is_dir().then_some(path)
}

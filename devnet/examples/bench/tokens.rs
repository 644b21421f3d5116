//! The same token twice: compiled from Solidity, and as a Stylus program.

use crate::client::Client;
use crate::node::Node;
use alloy::primitives::{Address, Bytes, U256, address, hex};
use alloy::sol;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const EVM: &str = include_str!("token.hex");
const WASM: &str = include_str!("token.wat");
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");

sol! {
    function mint(uint256 amount) external;
    function transfer(address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
    function activateProgram(address program) external payable;
}

/// Deploys the Solidity token.
pub async fn deploy_evm(node: &Node) -> Result<Address> {
    deploy(node, hex::decode(EVM.trim())?).await
}

/// Deploys and activates the Stylus token.
pub async fn deploy_wasm(node: &Node) -> Result<Address> {
    let code = devnet::stylus::code::compress_classic(&wat::parse_str(WASM)?);
    let length = U256::from(code.len()).to_be_bytes::<32>();
    // Returns what follows it.
    let prelude = [&hex!("7f")[..], &length, &hex!("80602b6000396000f300")].concat();
    let token = deploy(node, [prelude, code].concat()).await?;
    let activate = activateProgramCall { program: token }.abi_encode();
    let value = U256::from(10).pow(U256::from(17));
    send(node, json!({ "to": ARB_WASM, "input": Bytes::from(activate), "value": value })).await?;
    Ok(token)
}

async fn deploy(node: &Node, code: Vec<u8>) -> Result<Address> {
    let receipt = send(node, json!({ "input": Bytes::from(code) })).await?;
    Ok(serde_json::from_value(receipt["contractAddress"].clone())?)
}

/// Sends a transaction of the first account and returns its receipt.
async fn send(node: &Node, mut request: Value) -> Result<Value> {
    let mut client = Client::connect(node.address).await?;
    let accounts = client.call("eth_accounts", json!([])).await?;
    request["from"] = accounts[0].clone();
    let hash = client.call("eth_sendTransaction", json!([request])).await?;
    let receipt = client.receipt(&hash).await?;
    ensure!(receipt["status"] == "0x1", "a transaction failed: {receipt}");
    Ok(receipt)
}

/// What a holder's balance is.
pub async fn balance(client: &mut Client, token: Address, holder: Address) -> Result<U256> {
    let input = Bytes::from(balanceOfCall { account: holder }.abi_encode());
    let answer =
        client.call("eth_call", json!([{ "to": token, "input": input }, "latest"])).await?;
    let answer: Bytes = serde_json::from_value(answer)?;
    U256::try_from_be_slice(&answer).context("a balance is a word")
}

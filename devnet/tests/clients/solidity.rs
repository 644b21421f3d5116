//! Solidity compiled by solc from npm.

use crate::process::{repository, run, tool};
use alloy::primitives::{Bytes, hex};
use serde_json::{Value, json};
use tokio::process::Command;

/// The creation code of the contract `name` in a file below `test-fixtures/clients/forge/src`.
pub async fn compile(file: &str, name: &str) -> Bytes {
    let source = repository("test-fixtures/clients/forge/src").join(file);
    let request = json!({
        "language": "Solidity",
        "sources": { file: { "content": std::fs::read_to_string(source).unwrap() } },
        "settings": {
            "evmVersion": "cancun",
            "optimizer": { "enabled": true },
            "outputSelection": { "*": { "*": ["evm.bytecode.object"] } },
        },
    });
    let mut solc = Command::new(tool(".bin/solcjs"));
    let answer = run(solc.arg("--standard-json"), request.to_string().as_bytes()).await;
    let start = answer.find('{').unwrap();
    let answer: Value = serde_json::from_str(&answer[start..]).unwrap();
    let code = &answer["contracts"][file][name]["evm"]["bytecode"]["object"];
    let code = code.as_str().unwrap_or_else(|| panic!("{file}: {}", answer["errors"]));
    hex::decode(code).unwrap().into()
}

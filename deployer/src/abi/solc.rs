//! The Solidity compiler's part: an interface's JSON ABI.

use crate::command::{self, CommandError};
use crate::workspace::Workspace;
use alloy::json_abi::JsonAbi;
use serde_json::{Value, json};
use std::process::Command;

/// No ABI came out.
#[derive(Debug, thiserror::Error)]
pub enum SolcError {
    /// The compiler did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It refused the interface.
    #[error("the Solidity compiler refused the exported interface:\n{0}")]
    Refused(String),
    /// Its answer is not what it documents.
    #[error("the Solidity compiler's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// The ABI of interface `name` in `source`, sorted by kind and name.
pub fn abi(workspace: &Workspace, name: &str, source: &str) -> Result<String, SolcError> {
    let request = json!({
        "language": "Solidity",
        "sources": { "Interface.sol": { "content": source } },
        "settings": { "outputSelection": { "*": { "*": ["abi"] } } },
    });
    let mut solc = Command::new(workspace.node_module(".bin/solcjs"));
    let answer = command::run(solc.arg("--standard-json"), request.to_string().as_bytes())?;
    // Warnings of the JavaScript runtime may stand before the answer.
    let start = answer.iter().position(|byte| *byte == b'{').unwrap_or(0);
    let answer: Value = serde_json::from_slice(&answer[start..])?;
    if let Some(errors) = answer["errors"].as_array().filter(|errors| !errors.is_empty()) {
        let messages = errors.iter().filter_map(|error| error["formattedMessage"].as_str());
        return Err(SolcError::Refused(messages.collect::<Vec<_>>().join("\n")));
    }
    let abi: JsonAbi =
        serde_json::from_value(answer["contracts"]["Interface.sol"][name]["abi"].clone())?;
    Ok(serde_json::to_string_pretty(&abi)? + "\n")
}

//! The calls built here are those of the exported ABI, which alone is the truth.

use alloy_primitives::keccak256;
use domain::calls::selectors;
use serde_json::Value;

/// The selectors of all functions with a name.
fn exported(abi: &str, name: &str) -> Vec<[u8; 4]> {
    let items: Vec<Value> = serde_json::from_str(abi).unwrap_or_default();
    items
        .iter()
        .filter(|item| item["type"] == "function" && item["name"] == name)
        .map(|item| {
            let signature = format!("{name}({})", types(&item["inputs"]));
            let hash = keccak256(signature);
            [hash[0], hash[1], hash[2], hash[3]]
        })
        .collect()
}

/// Canonical types, comma-separated, tuples spelled out.
fn types(inputs: &Value) -> String {
    let canonical = |input: &Value| {
        let name = input["type"].as_str().unwrap_or_default();
        match name.strip_prefix("tuple") {
            Some(array) => format!("({}){array}", types(&input["components"])),
            None => name.to_owned(),
        }
    };
    let list: Vec<_> = inputs.as_array().into_iter().flatten().map(canonical).collect();
    list.join(",")
}

#[test]
fn the_account_has_both_ways_to_execute() {
    let abi = include_str!("../../bindings/abi/AgentAccount.json");
    let mut exported = exported(abi, "execute");
    let mut known = vec![selectors::EXECUTE, selectors::EXECUTE_BATCH];
    exported.sort_unstable();
    known.sort_unstable();
    assert_eq!(exported, known);
}

#[test]
fn the_registry_settles_as_encoded_here() {
    let abi = include_str!("../../bindings/abi/AgentRegistry.json");
    assert_eq!(exported(abi, "settle"), [selectors::SETTLE]);
}

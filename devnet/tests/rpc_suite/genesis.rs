//! What is there from the start.

use crate::support::{call_to, chain, client, node_modules, send};
use alloy::primitives::{Address, U256, address, hex, keccak256, utils::parse_ether};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use devnet::genesis::{
    CACHE_MANAGER, CACHE_MANAGER_CREATION_CODE, DETERMINISTIC_DEPLOYER,
    DETERMINISTIC_DEPLOYER_CODE, ENTRY_POINT, ENTRY_POINT_CREATION_CODE, ENTRY_POINT_SALT,
    STYLUS_DEPLOYER,
};
use devnet::{Config, Devnet};

const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");

#[tokio::test]
async fn ten_accounts_hold_ten_thousand_ether_each() {
    let node = chain().await;
    let client = client(&node);
    assert_eq!(node.accounts().len(), 10);
    for account in node.accounts() {
        let balance = client.get_balance(account.address).await.unwrap();
        assert_eq!(balance, parse_ether("10000").unwrap());
    }
    node.shutdown().await;
}

#[tokio::test]
async fn the_entry_point_stands_at_its_canonical_address_with_its_sender_creator() {
    let node = chain().await;
    let client = client(&node);
    let code = client.get_code_at(ENTRY_POINT).await.unwrap();
    assert!(code.len() > 20_000, "{} bytes", code.len());
    // senderCreator()
    let call =
        TransactionRequest::default().to(ENTRY_POINT).input(hex!("09ccb880").to_vec().into());
    let answer = client.call(call).await.unwrap();
    let creator = Address::from_slice(&answer[12..]);
    assert_eq!(creator, ENTRY_POINT.create(1));
    assert!(!client.get_code_at(creator).await.unwrap().is_empty());
    assert_eq!(client.get_transaction_count(ENTRY_POINT).await.unwrap(), 2);
    node.shutdown().await;
}

#[test]
fn the_salt_and_the_published_creation_code_give_the_canonical_address() {
    let code = hex::decode(ENTRY_POINT_CREATION_CODE.trim()).unwrap();
    let address = DETERMINISTIC_DEPLOYER.create2(ENTRY_POINT_SALT, keccak256(&code));
    assert_eq!(address, ENTRY_POINT);
}

#[test]
fn the_creation_code_is_that_of_the_npm_package() {
    let Some(modules) = node_modules() else { return };
    let path = modules.join("@account-abstraction/contracts/artifacts/EntryPoint.json");
    let artifact: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(artifact["bytecode"].as_str().unwrap(), ENTRY_POINT_CREATION_CODE.trim());
}

#[test]
fn the_cache_manager_is_what_its_source_compiles_to() {
    let Some(_) = node_modules() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/data/compile.mjs");
    let output = std::process::Command::new("node").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), CACHE_MANAGER_CREATION_CODE);
}

#[tokio::test]
async fn stylus_tools_find_their_deployer_and_a_cache_manager() {
    let node = chain().await;
    let client = client(&node);
    assert_eq!(client.get_code_at(STYLUS_DEPLOYER).await.unwrap().len(), 2_269);
    // allCacheManagers()
    let call = call_to(ARB_WASM_CACHE, hex!("0ec1d773"));
    let answer = client.call(call).await.unwrap();
    assert_eq!(answer.len(), 96);
    assert_eq!(Address::from_slice(&answer[76..]), CACHE_MANAGER);
    // getMinBid(uint64) of 8000 bytes
    let ask = [&hex!("d29b303e")[..], &U256::from(8_000).to_be_bytes::<32>()].concat();
    let answer = client.call(call_to(CACHE_MANAGER, ask)).await.unwrap();
    assert_eq!(U256::from_be_slice(&answer), U256::ZERO);
    node.shutdown().await;
}

#[tokio::test]
async fn the_deterministic_deployer_deploys_where_it_should() {
    let node = chain().await;
    let client = client(&node);
    let deployed = client.get_code_at(DETERMINISTIC_DEPLOYER).await.unwrap();
    assert_eq!(deployed, DETERMINISTIC_DEPLOYER_CODE);
    let init = crate::support::init_code(&[0x5b]);
    let salt = keccak256("salt");
    let data = [salt.as_slice(), &init].concat();
    let receipt = send(&client, crate::support::call_to(DETERMINISTIC_DEPLOYER, data)).await;
    assert!(receipt.status());
    let address = DETERMINISTIC_DEPLOYER.create2(salt, keccak256(&init));
    assert_eq!(client.get_code_at(address).await.unwrap().as_ref(), [0x5b]);
    node.shutdown().await;
}

#[tokio::test]
async fn settings_reach_the_chain() {
    let config = Config {
        chain_id: 31_337,
        accounts: 2,
        balance: U256::from(77),
        timestamp: Some(1_700_000_000),
        base_fee: 5,
        ..Config::default()
    };
    let node = Devnet::spawn(config).await.unwrap();
    let client = client(&node);
    assert_eq!(client.get_chain_id().await.unwrap(), 31_337);
    assert_eq!(node.accounts().len(), 2);
    assert_eq!(client.get_balance(node.accounts()[1].address).await.unwrap(), U256::from(77));
    let genesis = client.get_block(0.into()).await.unwrap().unwrap();
    assert!((1_700_000_000..1_700_000_060).contains(&genesis.header.timestamp));
    assert_eq!(genesis.header.base_fee_per_gas, Some(5));
    node.shutdown().await;
}

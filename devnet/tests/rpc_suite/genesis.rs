//! What is there from the start.

use crate::support::{chain, client, node_modules, send};
use alloy::primitives::{Address, U256, hex, keccak256, utils::parse_ether};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use devnet::genesis::{
    DETERMINISTIC_DEPLOYER, DETERMINISTIC_DEPLOYER_CODE, ENTRY_POINT, ENTRY_POINT_CREATION_CODE,
    ENTRY_POINT_SALT,
};
use devnet::{Config, Devnet};

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

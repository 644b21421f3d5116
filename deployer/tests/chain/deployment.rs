//! Deploying again, deploying elsewhere, deploying where it cannot work.

use crate::support::*;
use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::providers::{Provider, ProviderBuilder};
use deployer::{DeployError, Params};
use devnet::{Config, Devnet};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_finds_everything_and_sends_nothing() {
    let world = World::new().await;
    let provider = world.provider(STRANGER);
    let owner = world.address(OWNER);
    let params = Params { owner, keeper_bps: KEEPER_BPS, protocol_bps: PROTOCOL_BPS };
    let before = provider.get_block_number().await.expect("height");
    let again = deployer::deploy(&provider, artifacts(), &params).await.expect("finds it");
    assert_eq!(again, world.deployment);
    assert_eq!(provider.get_block_number().await.expect("height"), before);

    let other = Params { protocol_bps: 0, ..params };
    let other = deployer::deploy(&provider, artifacts(), &other).await.expect("a second registry");
    assert_ne!(other.registry, again.registry);
    assert_eq!(other.account_implementation, again.account_implementation);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_stand_as_stylus_programs() {
    let world = World::new().await;
    let provider = world.provider(STRANGER);
    let deployment = &world.deployment;
    let programs = [deployment.registry, deployment.account_implementation, deployment.factory];
    for program in programs {
        let code = provider.get_code_at(program).await.expect("code");
        assert!(code.starts_with(&[0xef, 0xf0, 0x00, 0x00]), "{program} runs WASM");
    }
    let registry = world.registry(STRANGER);
    assert_eq!(registry.owner().call().await.expect("view"), world.address(OWNER));
    let fees = registry.fees().call().await.expect("view");
    assert_eq!((fees._0, fees._1), (KEEPER_BPS, PROTOCOL_BPS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_without_money_is_told_so() {
    let devnet = Devnet::spawn(Config::default()).await.expect("the chain starts");
    let signer = alloy::signers::local::PrivateKeySigner::random();
    let url = devnet.rpc_url().parse().expect("valid URL");
    let provider = ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(url);
    let owner = Address::repeat_byte(1);
    let params = Params { owner, keeper_bps: 0, protocol_bps: 0 };
    let error = deployer::deploy(&provider, artifacts(), &params).await.expect_err("no money");
    assert!(matches!(error, DeployError::Rpc { .. }), "{error:?}");
    assert!(error.to_string().contains("deploying the AgentAccount program"), "{error}");
}

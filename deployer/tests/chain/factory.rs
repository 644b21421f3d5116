//! Accounts at addresses that are known before.

use crate::support::*;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use bindings::{AccountFactory, AgentAccount};

const SALT: B256 = B256::repeat_byte(5);

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_created_once_where_it_was_announced() {
    let world = World::new().await;
    let implementation = world.deployment.account_implementation;
    let owner = world.address(BUYER);
    let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
    let announced = factory.accountAddress(implementation, owner, SALT).call().await.expect("view");
    let receipt = done(factory.createAccount(implementation, owner, SALT)).await;
    let event = receipt.decoded_log::<AccountFactory::AccountCreated>().expect("event");
    assert_eq!((event.account, event.owner), (announced, owner));
    assert_eq!(event.implementation, implementation);

    let provider = world.provider(STRANGER);
    let code = provider.get_code_at(announced).await.expect("code");
    assert_eq!(code[..], proxy::runtime());
    let account = AgentAccount::new(announced, provider);
    assert_eq!(account.owner().call().await.expect("view"), owner);

    let again = done(factory.createAccount(implementation, owner, SALT)).await;
    assert!(again.decoded_log::<AccountFactory::AccountCreated>().is_none());
    let same = factory.createAccount(implementation, owner, SALT).call().await.expect("view");
    assert_eq!(same, announced);
    for (owner, salt) in [(world.address(OWNER), SALT), (owner, B256::ZERO)] {
        let other = factory.accountAddress(implementation, owner, salt).call().await;
        assert_ne!(other.expect("view"), announced);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_cannot_be_taken_by_being_first() {
    let world = World::new().await;
    let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
    let owner = world.address(BUYER);
    let decode = |error: alloy::contract::Error| {
        error.as_decoded_interface_error::<AccountFactory::AccountFactoryErrors>()
    };
    // Without code behind it, an account would be created and stay without owner.
    let empty = Address::repeat_byte(0x44);
    let error = factory.createAccount(empty, owner, SALT).send().await.expect_err("refused");
    let expected = AccountFactory::NoImplementation { implementation: empty };
    assert_eq!(
        decode(error),
        Some(AccountFactory::AccountFactoryErrors::NoImplementation(expected))
    );
    let implementation = world.deployment.account_implementation;
    for (implementation, owner) in [(Address::ZERO, owner), (implementation, Address::ZERO)] {
        let call = factory.createAccount(implementation, owner, SALT);
        let error = call.send().await.expect_err("refused");
        let expected = AccountFactory::ZeroAddress {};
        assert_eq!(
            decode(error),
            Some(AccountFactory::AccountFactoryErrors::ZeroAddress(expected))
        );
    }
    // The initialiser's own error comes through create and factory.
    let bad_owner = bindings::ENTRY_POINT_V08;
    let call = factory.createAccount(implementation, bad_owner, SALT);
    let error = call.send().await.expect_err("refused");
    let inner = error.as_decoded_interface_error::<AgentAccount::AgentAccountErrors>();
    let expected = AgentAccount::InvalidOwner { owner: bad_owner };
    assert_eq!(inner, Some(AgentAccount::AgentAccountErrors::InvalidOwner(expected)));
    let where_it_would_be =
        factory.accountAddress(implementation, bad_owner, SALT).call().await.expect("view");
    let code = world.provider(STRANGER).get_code_at(where_it_would_be).await.expect("code");
    assert!(code.is_empty(), "a failed initialisation leaves no account");
}

#[tokio::test(flavor = "multi_thread")]
async fn initialisation_happens_once_and_behind_a_proxy_only() {
    let world = World::new().await;
    let stranger = world.address(STRANGER);
    let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
    let implementation = world.deployment.account_implementation;
    done(factory.createAccount(implementation, world.address(BUYER), SALT)).await;
    let account = factory
        .accountAddress(implementation, world.address(BUYER), SALT)
        .call()
        .await
        .expect("view");
    let cases = [(account, "AlreadyInitialized"), (implementation, "NotProxied")];
    for (address, expected) in cases {
        let contract = AgentAccount::new(address, world.provider(STRANGER));
        let error = contract.initialize(stranger).send().await.expect_err("refused");
        let error = error.as_decoded_interface_error::<AgentAccount::AgentAccountErrors>();
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
    assert_eq!(world.wei(account).await, U256::ZERO);
}

//! The smart account under the real EntryPoint.

use crate::operations::{ETHER, Wallet, execute, send_wei};
use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use bindings::AgentAccount::{self, AgentAccountErrors as Refusal};
use bindings::{AgentRegistry, ENTRY_POINT_V08, IEntryPoint};

const SOMEBODY: Address = Address::repeat_byte(0x71);
/// Order of secp256k1.
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_operation_is_executed_and_paid_for() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let (success, _) = wallet.run(0, execute(SOMEBODY, 5, vec![])).await;
    assert!(success);
    assert_eq!(world.wei(SOMEBODY).await, U256::from(5));
    let deposit = world.entry_point().balanceOf(wallet.address).call().await.expect("view");
    let left = world.wei(wallet.address).await;
    assert!(left < U256::from(ETHER - 5) && !deposit.is_zero(), "the prefund was paid");
    // The next one is paid from what is left of the deposit, as far as it goes.
    let (success, _) = wallet.run(7 << 32, execute(SOMEBODY, 5, vec![])).await;
    assert!(success, "any nonce key will do");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_operation_creates_the_account() {
    let world = World::new().await;
    let wallet = Wallet::planned(&world).await;
    let mut operation = wallet.operation(0, execute(SOMEBODY, 9, vec![])).await;
    operation.initCode = wallet.init_code();
    let operation = wallet.signed(operation, &wallet.key).await;
    let (success, receipt) = wallet.bundle(operation).await;
    assert!(success);
    let created = receipt.decoded_log::<IEntryPoint::AccountDeployed>().expect("event");
    assert_eq!((created.sender, created.factory), (wallet.address, world.deployment.factory));
    let owner = wallet.contract(STRANGER).owner().call().await.expect("view");
    assert_eq!(owner, world.address(BUYER));
    assert_eq!(world.wei(SOMEBODY).await, U256::from(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signatures_fail_with_aa24() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let call = execute(SOMEBODY, 5, vec![]);
    let operation = wallet.operation(0, call).await;

    let stranger = wallet.signed(operation.clone(), &world.signer(STRANGER)).await;
    assert_eq!(wallet.refusal(stranger).await, "AA24 signature error");

    let good = wallet.signed(operation, &wallet.key).await;
    let mut other_call = good.clone();
    other_call.callData = execute(SOMEBODY, 6, vec![]).into();
    let mut other_fees = good.clone();
    other_fees.preVerificationGas += U256::ONE;
    let mut zero = good.clone();
    zero.signature = vec![0; 65].into();
    let mut odd_v = good.clone();
    odd_v.signature = with_v(&good.signature, good.signature[64] - 27).into();
    let mut other_v = good.clone();
    other_v.signature = with_v(&good.signature, 27 + 28 - good.signature[64]).into();
    let mut high = good.clone();
    high.signature = high_s(&good.signature).into();
    for wrong in [other_call, other_fees, zero, odd_v, other_v, high] {
        assert_eq!(wallet.refusal(wrong).await, "AA24 signature error");
    }
    assert!(wallet.bundle(good).await.0, "the right one still works");
}

fn with_v(signature: &[u8], v: u8) -> Vec<u8> {
    let mut signature = signature.to_vec();
    signature[64] = v;
    signature
}

/// The other signature by the same key of the same hash: s' = n - s, v flipped.
fn high_s(signature: &[u8]) -> Vec<u8> {
    let order: U256 = ORDER.parse().expect("valid number");
    let s = order - U256::from_be_slice(&signature[32..64]);
    let mut signature = with_v(signature, 27 + 28 - signature[64]);
    signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    signature
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_signatures_revert() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let operation = wallet.operation(0, execute(SOMEBODY, 5, vec![])).await;
    for length in [0, 64, 66] {
        let mut wrong = operation.clone();
        wrong.signature = vec![1; length].into();
        assert_eq!(wallet.refusal(wrong).await, "AA23 reverted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_cannot_be_played_twice_or_without_money() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let operation = wallet.operation(0, execute(SOMEBODY, 5, vec![])).await;
    let operation = wallet.signed(operation, &wallet.key).await;
    assert!(wallet.bundle(operation.clone()).await.0);
    assert_eq!(wallet.refusal(operation).await, "AA25 invalid account nonce");

    let poor = Wallet { address: create_other(&world).await, world: &world, key: wallet.key };
    let operation = poor.operation(0, execute(SOMEBODY, 0, vec![])).await;
    let operation = poor.signed(operation, &poor.key).await;
    assert_eq!(poor.refusal(operation).await, "AA21 didn't pay prefund");
}

async fn create_other(world: &World) -> Address {
    let factory = bindings::AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
    let implementation = world.deployment.account_implementation;
    let call = factory.createAccount(implementation, world.address(BUYER), B256::repeat_byte(1));
    let receipt = done(call).await;
    receipt.decoded_log::<bindings::AccountFactory::AccountCreated>().expect("event").account
}

#[tokio::test(flavor = "multi_thread")]
async fn only_entry_point_owner_and_the_account_itself_may_act() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let caller = world.address(STRANGER);
    let unauthorized = Some(Refusal::Unauthorized(AgentAccount::Unauthorized { caller }));
    let stranger = wallet.contract(STRANGER);
    let one = stranger.execute_0(SOMEBODY, U256::ONE, Bytes::new()).send().await;
    let many = stranger.execute_1(crate::account_batch::SINGLE, Bytes::new()).send().await;
    let take = stranger.transferOwnership(caller).send().await;
    for result in [one.map(drop), many.map(drop), take.map(drop)] {
        let error = result.expect_err("must be refused");
        assert_eq!(error.as_decoded_interface_error::<Refusal>(), unauthorized);
    }
    for who in [STRANGER, BUYER] {
        let caller = world.address(who);
        let operation = wallet.operation(0, vec![]).await;
        let operation = convert(&operation);
        let contract = wallet.contract(who);
        let call = contract.validateUserOp(operation, B256::ZERO, U256::ZERO);
        let error = call.send().await.expect_err("only the EntryPoint");
        let expected = Some(Refusal::Unauthorized(AgentAccount::Unauthorized { caller }));
        assert_eq!(error.as_decoded_interface_error::<Refusal>(), expected);
    }
    done(wallet.contract(BUYER).execute_0(SOMEBODY, U256::from(3), Bytes::new())).await;
    assert_eq!(world.wei(SOMEBODY).await, U256::from(3));
    let entry_point = stranger.entryPoint().call().await.expect("view");
    assert_eq!(entry_point, ENTRY_POINT_V08);
}

fn convert(operation: &bindings::PackedUserOperation) -> AgentAccount::PackedUserOperation {
    AgentAccount::PackedUserOperation {
        sender: operation.sender,
        nonce: operation.nonce,
        initCode: operation.initCode.clone(),
        callData: operation.callData.clone(),
        accountGasLimits: operation.accountGasLimits,
        preVerificationGas: operation.preVerificationGas,
        gasFees: operation.gasFees,
        paymasterAndData: operation.paymasterAndData.clone(),
        signature: operation.signature.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_signs_and_the_old_one_does_not() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let (old, new) = (world.address(BUYER), world.address(PUBLISHER));
    for wrong in [Address::ZERO, wallet.address, ENTRY_POINT_V08] {
        let call = wallet.contract(BUYER).transferOwnership(wrong).send().await.map(drop);
        let error = call.expect_err("nobody could sign");
        let expected = Some(Refusal::InvalidOwner(AgentAccount::InvalidOwner { owner: wrong }));
        assert_eq!(error.as_decoded_interface_error::<Refusal>(), expected);
    }
    // By an operation that calls the account itself.
    let transfer = AgentAccount::transferOwnershipCall { newOwner: new }.abi_encode();
    let (success, receipt) = wallet.run(0, execute(wallet.address, 0, transfer)).await;
    assert!(success);
    let event = receipt.decoded_log::<AgentAccount::OwnershipTransferred>().expect("event");
    assert_eq!((event.from, event.to), (old, new));

    let operation = wallet.operation(0, execute(SOMEBODY, 5, vec![])).await;
    let by_old = wallet.signed(operation.clone(), &wallet.key).await;
    assert_eq!(wallet.refusal(by_old).await, "AA24 signature error");
    let by_new = wallet.signed(operation, &world.signer(PUBLISHER)).await;
    assert!(wallet.bundle(by_new).await.0);
    assert!(wallet.contract(BUYER).transferOwnership(old).send().await.is_err());
    done(wallet.contract(PUBLISHER).transferOwnership(old)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_call_is_reported_with_its_reason() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let settle = AgentRegistry::settleCall { purchaseId: 1, outcome: success(0) }.abi_encode();
    let (success, receipt) = wallet.run(1, execute(world.deployment.registry, 0, settle)).await;
    assert!(!success);
    let reason = receipt.decoded_log::<IEntryPoint::UserOperationRevertReason>().expect("event");
    let expected = AgentRegistry::NotKeeper { caller: wallet.address };
    assert_eq!(reason.revertReason, alloy::sol_types::SolError::abi_encode(&expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keepers_account_settles_by_an_operation() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    done(world.registry(OWNER).addKeeper(wallet.address)).await;
    let agent = world.list().await;
    let purchase = world.buy(agent).await;
    let outcome = world.report(purchase, success(PRICE)).await;
    let settle = AgentRegistry::settleCall { purchaseId: purchase, outcome };
    let call = execute(world.deployment.registry, 0, settle.abi_encode());
    // The nonce key is the purchase: the same settlement cannot be included twice.
    assert!(wallet.run(purchase, call).await.0);
    let registry = world.registry(STRANGER);
    let settled = registry.purchaseOf(purchase).call().await.expect("view");
    assert_eq!((settled.status, settled.keeper), (2, wallet.address));
    let fee = registry.balanceOf(wallet.address).call().await.expect("view");
    assert_eq!(fee, U256::from(PRICE / 20));

    // The account takes its fee out, to itself: a plain payment by the registry.
    let before = world.wei(wallet.address).await;
    let withdraw = AgentRegistry::withdrawCall { to: wallet.address }.abi_encode();
    let owner = wallet.contract(BUYER);
    let call = owner.execute_0(world.deployment.registry, U256::ZERO, withdraw.into());
    done(call).await;
    assert_eq!(world.wei(wallet.address).await, before + fee);
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_pays_in_and_unknown_functions_are_refused() {
    use alloy::network::TransactionBuilder;
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let before = world.wei(wallet.address).await;
    send_wei(&world, wallet.address, 77).await;
    assert_eq!(world.wei(wallet.address).await, before + U256::from(77));
    let request = alloy::rpc::types::TransactionRequest::default()
        .with_to(wallet.address)
        .with_input(vec![1, 2, 3, 4]);
    assert!(world.provider(BUYER).send_transaction(request).await.is_err());
}

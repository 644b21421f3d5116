//! EOAs that run the account's program by EIP-7702, and proxies that nobody initialised: what a
//! former delegate left behind, or a stranger who comes first, gives nobody anything.

use crate::operations::{ETHER, Wallet, execute, send_wei};
use crate::solidity::create;
use crate::support::*;
use alloy::eips::eip7702::Authorization;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::sol;
use bindings::AgentAccount::{self, AgentAccountErrors as Refusal, AgentAccountInstance};

/// A dev account that does nothing else.
const EOA: usize = 6;
const SOMEBODY: Address = Address::repeat_byte(0x72);

sol! {
    #[sol(rpc)]
    interface Litterer {
        function leave(bytes32 slot, bytes32 word) external;
    }
}

/// Lets `who` run the code at `target`, in a transaction of somebody else.
async fn delegate(world: &World, who: usize, target: Address) {
    let provider = world.provider(STRANGER);
    let nonce = provider.get_transaction_count(world.address(who)).await.expect("nonce");
    let chain_id = U256::from(world.deployment.chain_id);
    let authorization = Authorization { chain_id, address: target, nonce };
    let signature = world.signer(who).sign_hash_sync(&authorization.signature_hash());
    let mut request = TransactionRequest::default().with_to(SOMEBODY);
    request.authorization_list = Some(vec![authorization.into_signed(signature.expect("signs"))]);
    let pending = provider.send_transaction(request).await.expect("accepted");
    assert!(pending.get_receipt().await.expect("included").status());
    let code = provider.get_code_at(world.address(who)).await.expect("code");
    assert_eq!(code, [&[0xef, 0x01, 0x00], target.as_slice()].concat());
}

/// The EOA runs the account's program, after a delegate that left these words in its storage.
async fn delegated_after(
    world: &World,
    litter: &[(B256, Address)],
) -> AgentAccountInstance<DynProvider> {
    let litterer = create(world, STRANGER, "Litterer").await;
    delegate(world, EOA, litterer).await;
    let eoa = world.address(EOA);
    for (slot, address) in litter {
        let contract = Litterer::new(eoa, world.provider(STRANGER));
        done(contract.leave(*slot, address.into_word())).await;
    }
    delegate(world, EOA, world.deployment.account_implementation).await;
    AgentAccount::new(eoa, world.provider(STRANGER))
}

/// Where a proxy keeps its implementation.
fn proxy_slot() -> B256 {
    B256::from(proxy::IMPLEMENTATION_SLOT)
}

/// Where an account keeps its owner: ERC-7201, `agentnexus.account`.
fn owner_slot() -> B256 {
    let inner = U256::from_be_bytes(keccak256("agentnexus.account").0) - U256::ONE;
    let mut slot = keccak256(inner.to_be_bytes::<32>());
    slot[31] = 0;
    slot
}

/// The account's error when a stranger makes himself its owner.
async fn initialisation_refusal(
    account: &AgentAccountInstance<DynProvider>,
    owner: Address,
) -> Refusal {
    let error = account.initialize(owner).send().await.expect_err("must be refused");
    error.as_decoded_interface_error().expect("an error of the account")
}

/// A stranger can neither act for the account nor hand it over.
async fn check_strangers_are_refused(world: &World, account: &AgentAccountInstance<DynProvider>) {
    let caller = world.address(STRANGER);
    let before = world.wei(*account.address()).await;
    let act = account.execute_0(caller, U256::ONE, Bytes::new()).send().await.map(drop);
    let many = account.execute_1(crate::account_batch::SINGLE, Bytes::new());
    let many = many.send().await.map(drop);
    let take = account.transferOwnership(caller).send().await.map(drop);
    for result in [act, many, take] {
        let error = result.expect_err("must be refused");
        let expected = Some(Refusal::Unauthorized(AgentAccount::Unauthorized { caller }));
        assert_eq!(error.as_decoded_interface_error::<Refusal>(), expected);
    }
    assert_eq!(world.wei(*account.address()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eoa_whose_former_delegate_set_the_proxys_slot_cannot_be_taken() {
    let world = World::new().await;
    let (eoa, stranger) = (world.address(EOA), world.address(STRANGER));
    let implementation = world.deployment.account_implementation;
    let account = delegated_after(&world, &[(proxy_slot(), implementation)]).await;
    let refusal = initialisation_refusal(&account, stranger).await;
    assert_eq!(refusal, Refusal::AlreadyCreated(AgentAccount::AlreadyCreated {}));
    assert_eq!(account.owner().call().await.expect("view"), eoa);
    check_strangers_are_refused(&world, &account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_a_former_delegate_left_is_not_believed() {
    let world = World::new().await;
    let (eoa, stranger) = (world.address(EOA), world.address(STRANGER));
    let implementation = world.deployment.account_implementation;
    let litter = [(owner_slot(), stranger), (proxy_slot(), implementation)];
    let account = delegated_after(&world, &litter).await;
    let left = world.provider(STRANGER).get_storage_at(eoa, owner_slot().into()).await;
    assert_eq!(
        B256::from(left.expect("slot")),
        stranger.into_word(),
        "it is where the owner would be"
    );

    assert_eq!(account.owner().call().await.expect("view"), eoa);
    check_strangers_are_refused(&world, &account).await;
    let refusal = initialisation_refusal(&account, stranger).await;
    assert_eq!(refusal, Refusal::AlreadyInitialized(AgentAccount::AlreadyInitialized {}));
    let wallet = Wallet { world: &world, address: eoa, key: world.signer(EOA) };
    let operation = wallet.operation(0, execute(stranger, ETHER, vec![])).await;
    let operation = wallet.signed(operation, &world.signer(STRANGER)).await;
    assert_eq!(wallet.refusal(operation).await, "AA24 signature error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegated_eoa_owns_itself() {
    let world = World::new().await;
    let eoa = world.address(EOA);
    delegate(&world, EOA, world.deployment.account_implementation).await;
    let wallet = Wallet { world: &world, address: eoa, key: world.signer(EOA) };
    let (success, _) = wallet.run(0, execute(SOMEBODY, 5, vec![])).await;
    assert!(success, "its own key signs operations");
    let own = wallet.contract(EOA);
    done(own.execute_0(SOMEBODY, U256::from(2), Bytes::new())).await;
    assert_eq!(world.wei(SOMEBODY).await, U256::from(7));

    let error = own.transferOwnership(world.address(BUYER)).send().await.map(drop);
    let error = error.expect_err("its key would act for it all the same");
    let expected = Refusal::DelegatedAccount(AgentAccount::DelegatedAccount {});
    assert_eq!(error.as_decoded_interface_error::<Refusal>(), Some(expected));
    let account = wallet.contract(STRANGER);
    check_strangers_are_refused(&world, &account).await;
    let refusal = initialisation_refusal(&account, world.address(STRANGER)).await;
    assert_eq!(refusal, Refusal::NotProxied(AgentAccount::NotProxied {}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_was_created_without_owner_is_nobodys() {
    let world = World::new().await;
    let provider = world.provider(STRANGER);
    let implementation = world.deployment.account_implementation;
    let code = proxy::init_code(implementation.into_array(), &[]);
    let request = TransactionRequest::default().with_deploy_code(code);
    let pending = provider.send_transaction(request).await.expect("accepted");
    let receipt = pending.get_receipt().await.expect("included");
    let bare = receipt.contract_address.expect("created");
    assert_eq!(provider.get_code_at(bare).await.expect("code")[..], proxy::runtime());
    send_wei(&world, bare, 9).await;

    let account = AgentAccount::new(bare, provider);
    let refusal = initialisation_refusal(&account, world.address(STRANGER)).await;
    assert_eq!(refusal, Refusal::AlreadyCreated(AgentAccount::AlreadyCreated {}));
    assert_eq!(account.owner().call().await.expect("view"), Address::ZERO);
    check_strangers_are_refused(&world, &account).await;
}

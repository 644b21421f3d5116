//! ERC-7821 batches on the chain.

use crate::operations::{Wallet, execute};
use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256, b256};
use alloy::sol_types::{SolCall, SolError, SolValue};
use bindings::AgentAccount::{self, AgentAccountErrors as Refusal};
use bindings::{AgentRegistry, IEntryPoint};

pub const SINGLE: B256 =
    b256!("0x0100000000000000000000000000000000000000000000000000000000000000");
const OP_DATA: B256 = b256!("0x0100000000007821000100000000000000000000000000000000000000000000");
const SOMEBODY: Address = Address::repeat_byte(0x72);

type Call = (Address, U256, Bytes);

fn pay(to: Address, wei: u64) -> Call {
    (to, U256::from(wei), Bytes::new())
}

fn batch(mode: B256, calls: Vec<Call>) -> Vec<u8> {
    let data = (calls,).abi_encode_params().into();
    AgentAccount::execute_1Call { mode, executionData: data }.abi_encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_runs_in_order_in_both_modes() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let list = AgentRegistry::listCall { listing: world.listing(), manifest: manifest() };
    let buy = AgentRegistry::purchaseCall {
        agentId: U256::ONE,
        version: 1,
        inputHash: B256::ZERO,
        input: Bytes::new(),
    };
    let registry = world.deployment.registry;
    let calls = vec![
        (registry, U256::ZERO, list.abi_encode().into()),
        (registry, U256::from(PRICE), buy.abi_encode().into()),
        pay(SOMEBODY, 3),
    ];
    assert!(wallet.run(0, batch(SINGLE, calls)).await.0);
    let bought = world.registry(STRANGER).purchaseOf(1).call().await.expect("view");
    assert_eq!((bought.buyer, bought.agentId), (wallet.address, U256::ONE));
    assert!(wallet.run(0, batch(OP_DATA, vec![pay(SOMEBODY, 4)])).await.0);
    assert_eq!(world.wei(SOMEBODY).await, U256::from(7));
    assert!(wallet.run(0, batch(SINGLE, vec![])).await.0, "an empty batch does nothing");
    world.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_all_or_nothing() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let refund = AgentRegistry::refundCall { purchaseId: 5 }.abi_encode();
    let calls = vec![
        pay(SOMEBODY, 3),
        (world.deployment.registry, U256::ZERO, refund.into()),
        pay(SOMEBODY, 4),
    ];
    let (success, receipt) = wallet.run(0, batch(SINGLE, calls)).await;
    assert!(!success);
    assert_eq!(world.wei(SOMEBODY).await, U256::ZERO);
    let reason = receipt.decoded_log::<IEntryPoint::UserOperationRevertReason>().expect("event");
    let expected = AgentRegistry::UnknownPurchase { purchaseId: 5 }.abi_encode();
    assert_eq!(reason.revertReason, expected, "the reason of the call that failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_target_is_the_account_itself() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let new_owner = world.address(PUBLISHER);
    let transfer = AgentAccount::transferOwnershipCall { newOwner: new_owner }.abi_encode();
    let inner = execute(SOMEBODY, 8, vec![]);
    let calls = vec![
        (Address::ZERO, U256::ZERO, transfer.into()),
        (Address::ZERO, U256::ZERO, inner.into()),
    ];
    assert!(wallet.run(0, batch(SINGLE, calls)).await.0);
    let owner = wallet.contract(STRANGER).owner().call().await.expect("view");
    assert_eq!(owner, new_owner, "what a nested call stores is not overwritten");
    assert_eq!(world.wei(SOMEBODY).await, U256::from(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_modes_and_shapes_are_refused() {
    let world = World::new().await;
    let wallet = Wallet::created(&world).await;
    let contract = wallet.contract(BUYER);
    let good = Bytes::from((vec![pay(SOMEBODY, 1)],).abi_encode_params());
    let signed =
        Bytes::from((vec![pay(SOMEBODY, 1)], Bytes::from_static(b"x")).abi_encode_params());
    let batches = b256!("0x0100000000007821000200000000000000000000000000000000000000000000");
    let tolerant = b256!("0x0101000000000000000000000000000000000000000000000000000000000000");
    let cases = [
        (batches, good.clone(), mode_refusal(batches)),
        (tolerant, good.clone(), mode_refusal(tolerant)),
        (B256::ZERO, good.clone(), mode_refusal(B256::ZERO)),
        (SINGLE, Bytes::new(), Refusal::MalformedBatch(AgentAccount::MalformedBatch {})),
        (SINGLE, good.slice(..96), Refusal::MalformedBatch(AgentAccount::MalformedBatch {})),
        (OP_DATA, signed, Refusal::UnsupportedOpData(AgentAccount::UnsupportedOpData {})),
    ];
    for (mode, data, expected) in cases {
        let error = contract.execute_1(mode, data).send().await.expect_err("must be refused");
        assert_eq!(error.as_decoded_interface_error::<Refusal>(), Some(expected));
    }
    for (mode, supported) in [(SINGLE, true), (OP_DATA, true), (batches, false), (tolerant, false)]
    {
        let answer = contract.supportsExecutionMode(mode).call().await.expect("view");
        assert_eq!(answer, supported);
    }
    assert_eq!(world.wei(SOMEBODY).await, U256::ZERO);
}

fn mode_refusal(mode: B256) -> Refusal {
    Refusal::UnsupportedMode(AgentAccount::UnsupportedMode { mode })
}

//! A real `handleOps` through the canonical EntryPoint, with an account that accepts everything.

use crate::support::{chain, client, deploy, send};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256, bytes, utils::parse_ether};
use alloy::providers::Provider;
use alloy::sol;
use alloy::sol_types::SolEvent;
use devnet::genesis::ENTRY_POINT;

sol! {
    struct PackedUserOperation {
        address sender;
        uint256 nonce;
        bytes initCode;
        bytes callData;
        bytes32 accountGasLimits;
        uint256 preVerificationGas;
        bytes32 gasFees;
        bytes paymasterAndData;
        bytes signature;
    }

    #[sol(rpc)]
    interface EntryPoint {
        event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender,
            address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost,
            uint256 actualGasUsed);
        error FailedOp(uint256 opIndex, string reason);
        function depositTo(address account) external payable;
        function balanceOf(address account) external view returns (uint256);
        function handleOps(PackedUserOperation[] calldata ops, address payable beneficiary) external;
        function getUserOpHash(PackedUserOperation calldata op) external view returns (bytes32);
        function getNonce(address sender, uint192 key) external view returns (uint256);
    }
}

/// Answers `validateUserOp` with 0; any other call adds 1 to slot 0.
pub const ACCOUNT: Bytes = bytes!("60003560e01c6319822f7c146018576000546001016000555b60206000f3");

pub fn pair(high: u128, low: u128) -> FixedBytes<32> {
    B256::from((U256::from(high) << 128) | U256::from(low))
}

pub fn operation(sender: Address, nonce: U256) -> PackedUserOperation {
    PackedUserOperation {
        sender,
        nonce,
        initCode: Bytes::new(),
        callData: bytes!("12345678"),
        accountGasLimits: pair(100_000, 100_000),
        preVerificationGas: U256::from(50_000),
        gasFees: pair(0, 200_000_000),
        paymasterAndData: Bytes::new(),
        signature: Bytes::new(),
    }
}

#[tokio::test]
async fn an_operation_runs_and_is_paid_from_the_deposit() {
    let node = chain().await;
    let client = client(&node);
    let entry_point = EntryPoint::new(ENTRY_POINT, &client);
    let account = deploy(&client, &ACCOUNT).await;
    let deposit = parse_ether("1").unwrap();
    let request = entry_point.depositTo(account).value(deposit).into_transaction_request();
    assert!(send(&client, request).await.status());

    // The nonce key is not 0: sequences of different keys are independent.
    let nonce = U256::from(42) << 64;
    let op = operation(account, nonce);
    let hash = entry_point.getUserOpHash(op.clone()).call().await.unwrap();
    let bundler = node.accounts()[1].address;
    let request = entry_point.handleOps(vec![op.clone()], bundler).into_transaction_request();
    let receipt = send(&client, request.with_from(bundler)).await;
    assert!(receipt.status());

    let event = receipt
        .logs()
        .iter()
        .find_map(|log| EntryPoint::UserOperationEvent::decode_log(&log.inner).ok())
        .unwrap();
    assert_eq!((event.userOpHash, event.sender, event.success), (hash, account, true));
    let left = entry_point.balanceOf(account).call().await.unwrap();
    assert_eq!(left, deposit - event.actualGasCost);
    assert_eq!(client.get_storage_at(account, U256::ZERO).await.unwrap(), U256::from(1));
    let next =
        entry_point.getNonce(account, alloy::primitives::Uint::from(42)).call().await.unwrap();
    assert_eq!(next, nonce + U256::from(1));

    let error = entry_point
        .handleOps(vec![op], bundler)
        .from(bundler)
        .call()
        .await
        .err()
        .unwrap()
        .as_decoded_error::<EntryPoint::FailedOp>()
        .unwrap();
    assert_eq!(error.reason, "AA25 invalid account nonce");
    node.shutdown().await;
}

#[tokio::test]
async fn an_operation_without_deposit_fails_with_the_entry_points_reason() {
    let node = chain().await;
    let client = client(&node);
    let entry_point = EntryPoint::new(ENTRY_POINT, &client);
    let account = deploy(&client, &ACCOUNT).await;
    let op = operation(account, U256::ZERO);
    let error = entry_point
        .handleOps(vec![op], node.accounts()[1].address)
        .from(node.accounts()[1].address)
        .call()
        .await
        .err()
        .unwrap()
        .as_decoded_error::<EntryPoint::FailedOp>()
        .unwrap();
    assert_eq!(error.reason, "AA21 didn't pay prefund");
    node.shutdown().await;
}

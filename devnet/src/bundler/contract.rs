//! What the bundler knows of the EntryPoint.

use alloy::sol;

pub use EntryPoint::{EntryPointErrors, FailedOp, FailedOpWithRevert, handleOpsCall};

sol! {
    /// A user operation as the EntryPoint takes it.
    #[derive(Debug, PartialEq, Eq)]
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

    /// EntryPoint v0.8.
    #[derive(Debug)]
    interface EntryPoint {
        event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender,
            address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost,
            uint256 actualGasUsed);
        event UserOperationRevertReason(bytes32 indexed userOpHash, address indexed sender,
            uint256 nonce, bytes revertReason);
        event PostOpRevertReason(bytes32 indexed userOpHash, address indexed sender,
            uint256 nonce, bytes revertReason);
        event BeforeExecution();
        error FailedOp(uint256 opIndex, string reason);
        error FailedOpWithRevert(uint256 opIndex, string reason, bytes inner);
        function handleOps(PackedUserOperation[] calldata ops, address payable beneficiary) external;
        function validateUserOp(PackedUserOperation calldata op, bytes32 hash, uint256 missing)
            external returns (uint256);
        function validatePaymasterUserOp(PackedUserOperation calldata op, bytes32 hash, uint256 max)
            external returns (bytes memory, uint256);
    }
}

/// What is signed: the operation without its signature (EIP-712).
pub mod signed {
    alloy::sol! {
        /// All fields but the signature.
        struct PackedUserOperation {
            address sender;
            uint256 nonce;
            bytes initCode;
            bytes callData;
            bytes32 accountGasLimits;
            uint256 preVerificationGas;
            bytes32 gasFees;
            bytes paymasterAndData;
        }
    }
}

//! The part of the EntryPoint v0.8 that AgentNexus uses.

use alloy::primitives::{Address, address};
use alloy::sol;

/// The canonical EntryPoint v0.8, at the same address on every chain.
pub const ENTRY_POINT_V08: Address = address!("0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108");

sol! {
    /// A UserOperation as EntryPoint v0.7 and later take it.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct PackedUserOperation {
        /// The smart account.
        address sender;
        /// Key in the upper 192 bits, sequence in the lower 64.
        uint256 nonce;
        /// Factory address and its calldata; empty for an existing account.
        bytes initCode;
        /// What the account is called with after validation.
        bytes callData;
        /// Verification gas limit, then call gas limit, 16 bytes each.
        bytes32 accountGasLimits;
        /// Gas paid on top for the bundle's overhead.
        uint256 preVerificationGas;
        /// Priority fee, then maximum fee, wei per gas, 16 bytes each.
        bytes32 gasFees;
        /// Paymaster, its gas limits and its data; empty without paymaster.
        bytes paymasterAndData;
        /// What the account's `validateUserOp` checks.
        bytes signature;
    }

    /// Subset of the EntryPoint v0.8 interface.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    interface IEntryPoint {
        /// One per executed operation; `success` tells whether the account's call worked.
        event UserOperationEvent(
            bytes32 indexed userOpHash,
            address indexed sender,
            address indexed paymaster,
            uint256 nonce,
            bool success,
            uint256 actualGasCost,
            uint256 actualGasUsed
        );
        /// The account's call reverted with this data.
        event UserOperationRevertReason(
            bytes32 indexed userOpHash,
            address indexed sender,
            uint256 nonce,
            bytes revertReason
        );
        /// The operation ran out of the prefund it had paid.
        event UserOperationPrefundTooLow(
            bytes32 indexed userOpHash,
            address indexed sender,
            uint256 nonce
        );
        /// An account was created from an operation's `initCode`.
        event AccountDeployed(
            bytes32 indexed userOpHash,
            address indexed sender,
            address factory,
            address paymaster
        );
        /// Validation of the whole bundle is over.
        event BeforeExecution();
        /// A deposit for gas grew.
        event Deposited(address indexed account, uint256 totalDeposit);
        /// A deposit for gas was taken out.
        event Withdrawn(address indexed account, address withdrawAddress, uint256 amount);

        /// An operation of the bundle is invalid; `reason` begins with `AAxx`.
        error FailedOp(uint256 opIndex, string reason);
        /// As `FailedOp`, with the revert data of the account or factory.
        error FailedOpWithRevert(uint256 opIndex, string reason, bytes inner);

        /// Runs a bundle; fees go to `beneficiary`. Only for an externally owned caller.
        function handleOps(PackedUserOperation[] calldata ops, address payable beneficiary) external;
        /// The EIP-712 hash that the account signs.
        function getUserOpHash(PackedUserOperation calldata userOp) external view returns (bytes32);
        /// The next nonce of (sender, key), key included.
        function getNonce(address sender, uint192 key) external view returns (uint256 nonce);
        /// Adds to an account's deposit.
        function depositTo(address account) external payable;
        /// An account's deposit, wei.
        function balanceOf(address account) external view returns (uint256);
        /// The caller's deposit is paid out.
        function withdrawTo(address payable withdrawAddress, uint256 withdrawAmount) external;
        /// The helper that calls factories.
        function senderCreator() external view returns (address);
    }
}

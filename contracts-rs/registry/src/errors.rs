//! Everything the registry refuses with.

extern crate alloc;

use alloy_sol_types::sol;
use stylus_sdk::prelude::*;

sol! {
    #![sol(all_derives)]

    error AlreadyInitialized();
    error ZeroAddress();
    error NotOwner(address caller);
    error NotPendingOwner(address caller);
    error NotPublisher(address caller);
    error NotKeeper(address caller);
    error IsPaused();
    error FeesTooHigh(uint256 bps);
    error InvalidMaxSeconds(uint32 maxSeconds);
    error InvalidImageDigest();
    error InvalidManifestLength(uint256 length);
    error UnknownAgent(uint256 agentId);
    error UnknownVersion(uint256 agentId, uint32 version);
    error AgentUnlisted(uint256 agentId);
    error StaleVersion(uint32 current);
    error WrongPayment(uint256 sent, uint256 price);
    error InputTooLong(uint256 length);
    error InputHashMismatch(bytes32 actual);
    error UnknownPurchase(uint64 purchaseId);
    error PurchaseNotOpen(uint64 purchaseId, uint8 status);
    error WrongOrder(bytes32 expected);
    error ChargeTooHigh(uint96 charge, uint96 limit);
    /// A success that does not say what was delivered: `resultHash`, the hash of the result, or
    /// `receiptHash`, the digest of the signed receipt, is zero. Both are as they were reported.
    error MissingHash(bytes32 resultHash, bytes32 receiptHash);
    error DeadlineNotPassed(uint64 deadline);
    error NothingToWithdraw(address account);
    error TransferFailed(address to);
    error ReentrantCall();
}

/// Any refusal of the registry; on the wire it is the Solidity error inside.
#[allow(missing_docs, reason = "each variant is the error of the same name")]
#[derive(SolidityError, Debug, PartialEq)]
pub enum RegistryError {
    AlreadyInitialized(AlreadyInitialized),
    ZeroAddress(ZeroAddress),
    NotOwner(NotOwner),
    NotPendingOwner(NotPendingOwner),
    NotPublisher(NotPublisher),
    NotKeeper(NotKeeper),
    IsPaused(IsPaused),
    FeesTooHigh(FeesTooHigh),
    InvalidMaxSeconds(InvalidMaxSeconds),
    InvalidImageDigest(InvalidImageDigest),
    InvalidManifestLength(InvalidManifestLength),
    UnknownAgent(UnknownAgent),
    UnknownVersion(UnknownVersion),
    AgentUnlisted(AgentUnlisted),
    StaleVersion(StaleVersion),
    WrongPayment(WrongPayment),
    InputTooLong(InputTooLong),
    InputHashMismatch(InputHashMismatch),
    UnknownPurchase(UnknownPurchase),
    PurchaseNotOpen(PurchaseNotOpen),
    WrongOrder(WrongOrder),
    ChargeTooHigh(ChargeTooHigh),
    MissingHash(MissingHash),
    DeadlineNotPassed(DeadlineNotPassed),
    NothingToWithdraw(NothingToWithdraw),
    TransferFailed(TransferFailed),
    ReentrantCall(ReentrantCall),
}

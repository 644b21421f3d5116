//! Everything the account refuses with. What a called contract reverts with is passed on
//! as it is.

extern crate alloc;

use alloc::vec::Vec;
use alloy_sol_types::sol;
use stylus_sdk::prelude::*;

sol! {
    #![sol(all_derives)]

    error AlreadyInitialized();
    error NotProxied();
    /// The account has code: accounts are initialised only while they are being created.
    error AlreadyCreated();
    /// The account is an EOA that runs this program by EIP-7702: its own key owns it, for good.
    error DelegatedAccount();
    error InvalidOwner(address owner);
    error Unauthorized(address caller);
    error InvalidSignatureLength(uint256 length);
    error UnsupportedMode(bytes32 mode);
    error MalformedBatch();
    error UnsupportedOpData();
}

/// Any refusal of the account itself; on the wire it is the Solidity error inside.
#[allow(missing_docs, reason = "each variant is the error of the same name")]
#[derive(SolidityError, Debug, PartialEq)]
pub enum AccountError {
    AlreadyInitialized(AlreadyInitialized),
    NotProxied(NotProxied),
    AlreadyCreated(AlreadyCreated),
    DelegatedAccount(DelegatedAccount),
    InvalidOwner(InvalidOwner),
    Unauthorized(Unauthorized),
    InvalidSignatureLength(InvalidSignatureLength),
    UnsupportedMode(UnsupportedMode),
    MalformedBatch(MalformedBatch),
    UnsupportedOpData(UnsupportedOpData),
}

/// Revert data: ours or a callee's.
pub type Revert = Vec<u8>;

//! AgentAccount: an ERC-4337 smart account for EntryPoint v0.8 with one ECDSA owner.
//!
//! It runs behind an ERC-1967 proxy. Its one storage word is the owner. It makes outward
//! calls only for EntryPoint, its owner or itself, and keeps no state over them.
//!
//! An EOA may also run it by EIP-7702. Whatever such an account's earlier delegates left in its
//! storage is not believed: it owns itself.

#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};
use common::{
    proxied::{is_being_created, is_delegated, is_proxied},
    slots::ChainSlots,
    transfer,
};
use stylus_sdk::{call::RawCall, prelude::*};

mod batch;
mod entry_point;
mod errors;
mod events;
mod signature;
mod storage;
mod types;

use entry_point::ENTRY_POINT;
use errors::*;
use types::PackedUserOperation;

/// `validateUserOp` answers for a signature that is not the owner's.
const SIG_VALIDATION_FAILED: U256 = U256::ONE;
const ECRECOVER: Address = Address::with_last_byte(1);

/// The program. It has no fields: its storage is one hand-placed word.
#[storage]
#[entrypoint]
pub struct AgentAccount {}

/// The public ABI.
#[public]
impl AgentAccount {
    /// Only through a proxy that is being created, once. 1 SSTORE.
    ///
    /// An account that has code refuses: a proxy left without owner stays so, and an EOA whose
    /// earlier delegate set the proxy's slot cannot be taken by whoever comes first.
    pub fn initialize(&mut self, owner: Address) -> Result<(), AccountError> {
        let mut slots = ChainSlots(self.vm());
        if !is_proxied(&slots) {
            return Err(NotProxied {}.into());
        }
        if !storage::owner(&slots).is_zero() {
            return Err(AlreadyInitialized {}.into());
        }
        if !is_being_created(self.vm()) {
            return Err(AlreadyCreated {}.into());
        }
        self.check_owner(owner)?;
        storage::set_owner(&mut slots, owner);
        Ok(())
    }

    /// Whose signature counts; of an EOA that runs this by EIP-7702, the EOA itself.
    pub fn owner(&self) -> Address {
        if is_delegated(self.vm()) {
            return self.vm().contract_address();
        }
        storage::owner(&ChainSlots(self.vm()))
    }

    /// The EntryPoint that this account is built for.
    pub fn entry_point(&self) -> Address {
        ENTRY_POINT
    }

    /// EntryPoint only: 0 if the owner signed `user_op_hash`, 1 if not; pays
    /// `missing_account_funds` wei to the EntryPoint. No SSTORE.
    pub fn validate_user_op(
        &mut self,
        user_op: PackedUserOperation,
        user_op_hash: B256,
        missing_account_funds: U256,
    ) -> Result<U256, AccountError> {
        let caller = self.vm().msg_sender();
        if caller != ENTRY_POINT {
            return Err(Unauthorized { caller }.into());
        }
        let length = user_op.signature.len();
        let signature = <&[u8; signature::LENGTH]>::try_from(&user_op.signature[..])
            .map_err(|_| InvalidSignatureLength { length: U256::from(length) })?;
        let valid = self.is_owners(user_op_hash, signature);
        if !missing_account_funds.is_zero() {
            // The EntryPoint checks what it got: our result would only repeat that.
            let _ = transfer::send(self.vm(), ENTRY_POINT, missing_account_funds);
        }
        Ok(if valid { U256::ZERO } else { SIG_VALIDATION_FAILED })
    }

    /// EntryPoint, owner or the account itself: one call. Reverts as the target does.
    #[payable]
    pub fn execute(&mut self, target: Address, value: U256, data: Bytes) -> Result<(), Revert> {
        self.check_caller()?;
        transfer::call(self.vm(), target, value, &data).map(drop)
    }

    /// EntryPoint, owner or the account itself: an ERC-7821 batch, in order, all or
    /// nothing. A zero target means the account itself.
    #[payable]
    #[selector(name = "execute")]
    pub fn execute_batch(&mut self, mode: B256, execution_data: Bytes) -> Result<(), Revert> {
        self.check_caller()?;
        for call in batch::decode(mode, &execution_data)? {
            let target = match call.to {
                Address::ZERO => self.vm().contract_address(),
                target => target,
            };
            transfer::call(self.vm(), target, call.value, &call.data)?;
        }
        Ok(())
    }

    /// Whether `execute` takes this ERC-7821 mode.
    pub fn supports_execution_mode(&self, mode: B256) -> bool {
        batch::Mode::of(mode).is_some()
    }

    /// Owner or the account itself; never of an account that owns itself. 1 SSTORE.
    pub fn transfer_ownership(&mut self, new_owner: Address) -> Result<(), AccountError> {
        let (caller, account) = (self.vm().msg_sender(), self.vm().contract_address());
        let from = self.owner();
        if caller != from && caller != account {
            return Err(Unauthorized { caller }.into());
        }
        if from == account {
            return Err(DelegatedAccount {}.into());
        }
        self.check_owner(new_owner)?;
        storage::set_owner(&mut ChainSlots(self.vm()), new_owner);
        self.vm().log(events::OwnershipTransferred { from, to: new_owner });
        Ok(())
    }

    /// Takes ETH from anyone.
    #[receive]
    #[payable]
    pub fn receive(&mut self) -> Result<(), Revert> {
        Ok(())
    }
}

impl AgentAccount {
    fn check_caller(&self) -> Result<(), AccountError> {
        let caller = self.vm().msg_sender();
        let allowed = caller == ENTRY_POINT
            || caller == self.vm().contract_address()
            || caller == self.owner();
        if allowed { Ok(()) } else { Err(Unauthorized { caller }.into()) }
    }

    /// Nobody, and the account itself, cannot sign: such an owner would lock it.
    fn check_owner(&self, owner: Address) -> Result<(), AccountError> {
        if owner.is_zero() || owner == self.vm().contract_address() || owner == ENTRY_POINT {
            return Err(InvalidOwner { owner }.into());
        }
        Ok(())
    }

    /// Whether the owner signed `hash`. ecrecover answers nothing for a signature that
    /// recovers to nobody. It gets all gas: reading the gas left is banned in validation.
    fn is_owners(&self, hash: B256, signature: &[u8; signature::LENGTH]) -> bool {
        let Some(input) = signature::recovery_input(hash, signature) else {
            return false;
        };
        // SAFETY: a precompile does not touch our storage, and nothing is cached dirty.
        let answer = unsafe { RawCall::new_static(self.vm()).call(ECRECOVER, &input) };
        match answer.as_deref().map(B256::try_from) {
            Ok(Ok(word)) => Address::from_word(word) == self.owner() && !word.is_zero(),
            _ => false,
        }
    }
}

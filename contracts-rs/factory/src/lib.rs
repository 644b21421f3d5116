//! AccountFactory: creates proxies of an account implementation at addresses that can be
//! computed before. It has no storage and no owner, so it is safe to call while a
//! UserOperation is validated (ERC-7562), from its `initCode`.

#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use stylus_sdk::{deploy::RawDeploy, prelude::*};

mod address;
mod errors;
mod events;

use errors::*;

/// The program.
#[storage]
#[entrypoint]
pub struct AccountFactory {}

/// The public ABI.
#[public]
impl AccountFactory {
    /// Creates and initialises the account of `owner`, or returns it if it exists.
    /// No SSTORE here; the account makes two.
    pub fn create_account(
        &mut self,
        implementation: Address,
        owner: Address,
        salt: B256,
    ) -> Result<Address, Revert> {
        let (init_code, account) = self.plan(implementation, owner, salt)?;
        let vm = self.vm();
        if vm.code_size(account) > 0 {
            return Ok(account);
        }
        // Without code behind it the initialising call would succeed and do nothing, and
        // anyone could initialise the account later.
        if vm.code_size(implementation) == 0 {
            return Err(FactoryError::from(NoImplementation { implementation }).into());
        }
        // SAFETY: this program has no storage that the initialiser could find half-written.
        let created = unsafe { RawDeploy::new().salt(salt).deploy(vm, &init_code, U256::ZERO)? };
        if created != account {
            return Err(FactoryError::from(CreationFailed {}).into());
        }
        vm.log(events::AccountCreated { account, owner, implementation });
        Ok(account)
    }

    /// Where `createAccount` puts the account of `owner`.
    pub fn account_address(
        &self,
        implementation: Address,
        owner: Address,
        salt: B256,
    ) -> Result<Address, Revert> {
        Ok(self.plan(implementation, owner, salt)?.1)
    }
}

impl AccountFactory {
    fn plan(
        &self,
        implementation: Address,
        owner: Address,
        salt: B256,
    ) -> Result<(Vec<u8>, Address), FactoryError> {
        if implementation.is_zero() || owner.is_zero() {
            return Err(ZeroAddress {}.into());
        }
        let init_code = address::init_code(implementation, owner);
        let account = address::account(self.vm().contract_address(), &init_code, salt);
        Ok((init_code, account))
    }
}

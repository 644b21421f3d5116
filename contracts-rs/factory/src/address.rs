//! The init code and the address of an account.

extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::{SolCall, sol};

sol! {
    /// What every account implementation offers.
    function initialize(address owner);
}

/// Init code of the account of `owner`: a proxy that initialises itself.
pub fn init_code(implementation: Address, owner: Address) -> Vec<u8> {
    proxy::init_code(implementation.into_array(), &initializeCall { owner }.abi_encode())
}

/// CREATE2 address: implementation and owner are in it by the init code.
pub fn account(factory: Address, init_code: &[u8], salt: B256) -> Address {
    factory.create2(salt, keccak256(init_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    #[test]
    fn address_is_the_golden_one() {
        let implementation = address!("0x1111111111111111111111111111111111111111");
        let owner = address!("0x2222222222222222222222222222222222222222");
        let code = init_code(implementation, owner);
        assert_eq!(
            keccak256(&code),
            b256!("0x126b6849e2d85bc6a2e039f2376ba24b7dd359d0996ab18411732c6dadec08b0")
        );
        let factory = address!("0x3333333333333333333333333333333333333333");
        assert_eq!(
            account(factory, &code, B256::with_last_byte(7)),
            address!("0xe412bddd4858a29684554deef176adc231253c27")
        );
    }

    #[test]
    fn everything_changes_the_address() {
        let [a, b] = [1, 2].map(Address::repeat_byte);
        let at = |implementation, owner, salt: u8| {
            account(a, &init_code(implementation, owner), B256::with_last_byte(salt))
        };
        let addresses = [at(a, a, 1), at(b, a, 1), at(a, b, 1), at(a, a, 2)];
        for (index, address) in addresses.iter().enumerate() {
            assert!(!addresses[..index].contains(address));
        }
    }
}

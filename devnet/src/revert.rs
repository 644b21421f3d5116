//! Human-readable reasons in revert data.

use crate::arbos::precompiles;
use alloy::sol_types::{ContractError, GenericContractError, SolInterface};

/// `": reason"` when the data holds an `Error(string)`, a `Panic(uint256)` or an error of ArbWasm,
/// else nothing.
pub fn reason(data: &[u8]) -> String {
    match GenericContractError::abi_decode(data) {
        Ok(ContractError::Revert(revert)) => format!(": {}", revert.reason),
        Ok(ContractError::Panic(panic)) => match panic.kind() {
            Some(kind) => format!(": {}", kind.as_geth_str()),
            None => format!(": unknown panic code: {:#x}", panic.code),
        },
        _ => match precompiles::decode_error(data) {
            Some(error) => format!(": error {error}"),
            None => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::sol_types::{Panic, PanicKind, Revert, SolError};

    #[test]
    fn known_errors_are_told_and_unknown_ones_are_not() {
        assert_eq!(reason(&Revert::from("too late").abi_encode()), ": too late");
        let overflow = Panic::from(PanicKind::UnderOverflow).abi_encode();
        assert_eq!(reason(&overflow), ": arithmetic underflow or overflow");
        assert_eq!(reason(&[0xcc, 0x94, 0x4b, 0xf2]), ": error ProgramUpToDate()");
        assert_eq!(reason(&[1, 2, 3, 4]), "");
        assert_eq!(reason(&[]), "");
    }
}

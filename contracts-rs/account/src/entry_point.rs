//! The one contract that may ask this account to validate and pay.

use alloy_primitives::{Address, address};

/// EntryPoint v0.8, fixed when the account is built: an account that could be pointed at
/// another EntryPoint could be emptied by it.
pub const ENTRY_POINT: Address = address!("0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108");

//! ERC-7821 modes and batches.

extern crate alloc;

use crate::errors::{AccountError, MalformedBatch, UnsupportedMode, UnsupportedOpData};
use alloc::vec::Vec;
use alloy_primitives::{B256, U256, uint};
use alloy_sol_types::{SolType, sol, sol_data};

sol! {
    #![sol(all_derives)]

    /// One call of a batch; a zero target means the account itself.
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }
}

/// What an `executionData` may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `abi.encode(calls)`.
    Calls,
    /// `abi.encode(calls)` or `abi.encode(calls, opData)`.
    CallsAndOpData,
}

type CallsParams = (sol_data::Array<Call>,);
type CallsAndOpDataParams = (sol_data::Array<Call>, sol_data::Bytes);

impl Mode {
    /// The mode, or `None` if it is not one of the two. Bytes 2 to 5 and from 10 on are
    /// free in ERC-7579's layout.
    pub fn of(mode: B256) -> Option<Self> {
        // A batch (01) that reverts as a whole (00).
        if mode[..2] != [0x01, 0x00] {
            return None;
        }
        match mode[6..10] {
            [0, 0, 0, 0] => Some(Self::Calls),
            [0x78, 0x21, 0x00, 0x01] => Some(Self::CallsAndOpData),
            _ => None,
        }
    }
}

/// The calls in `data`. Authorisation by `opData` is not offered, so it must be empty.
pub fn decode(mode: B256, data: &[u8]) -> Result<Vec<Call>, AccountError> {
    let shape = Mode::of(mode).ok_or(UnsupportedMode { mode })?;
    // The first word is the offset of the calls: 32 if they are alone.
    let alone = data.get(..32).map(U256::from_be_slice) == Some(uint!(32_U256));
    if shape == Mode::Calls || alone {
        let (calls,) = CallsParams::abi_decode_params_validate(data).map_err(malformed)?;
        return Ok(calls);
    }
    let (calls, op_data) =
        CallsAndOpDataParams::abi_decode_params_validate(data).map_err(malformed)?;
    if !op_data.is_empty() {
        return Err(UnsupportedOpData {}.into());
    }
    Ok(calls)
}

fn malformed(_: alloy_sol_types::Error) -> AccountError {
    MalformedBatch {}.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, Bytes, b256};
    use alloy_sol_types::SolValue;
    use proptest::prelude::*;

    const SINGLE: B256 =
        b256!("0x0100000000000000000000000000000000000000000000000000000000000000");
    const OP_DATA: B256 =
        b256!("0x0100000000007821000100000000000000000000000000000000000000000000");

    fn calls() -> Vec<(Address, U256, Bytes)> {
        vec![
            (Address::repeat_byte(1), U256::from(5), Bytes::from_static(b"abc")),
            (Address::ZERO, U256::ZERO, Bytes::new()),
        ]
    }

    fn values(decoded: Vec<Call>) -> Vec<(Address, U256, Bytes)> {
        decoded.into_iter().map(|call| (call.to, call.value, call.data)).collect()
    }

    #[test]
    fn modes() {
        assert_eq!(Mode::of(SINGLE), Some(Mode::Calls));
        assert_eq!(Mode::of(OP_DATA), Some(Mode::CallsAndOpData));
        let mut free = OP_DATA;
        free[2..6].fill(0xff);
        free[10..].fill(0xff);
        assert_eq!(Mode::of(free), Some(Mode::CallsAndOpData));
        for (at, value) in [(0, 0x00), (0, 0xff), (1, 0x01), (9, 0x02), (6, 0x01)] {
            let mut other = OP_DATA;
            other[at] = value;
            assert_eq!(Mode::of(other), None);
        }
    }

    #[test]
    fn calls_alone_decode_in_both_modes() {
        let data = (calls(),).abi_encode_params();
        for mode in [SINGLE, OP_DATA] {
            assert_eq!(values(decode(mode, &data).expect("valid")), calls());
        }
    }

    #[test]
    fn op_data_must_be_empty() {
        let data = (calls(), Bytes::new()).abi_encode_params();
        assert_eq!(values(decode(OP_DATA, &data).expect("valid")), calls());
        let data = (calls(), Bytes::from_static(b"x")).abi_encode_params();
        assert_eq!(decode(OP_DATA, &data).err(), Some(UnsupportedOpData {}.into()));
    }

    #[test]
    fn wrong_mode_comes_before_wrong_data() {
        assert_eq!(
            decode(B256::ZERO, &[]).err(),
            Some(UnsupportedMode { mode: B256::ZERO }.into())
        );
        assert_eq!(decode(SINGLE, &[]).err(), Some(MalformedBatch {}.into()));
    }

    proptest! {
        #[test]
        fn any_data_decodes_or_is_refused(data: Vec<u8>, op_data: bool) {
            let _ = decode(if op_data { OP_DATA } else { SINGLE }, &data);
        }

        #[test]
        fn a_cut_batch_is_refused(cut in 1..250usize) {
            let data = (calls(),).abi_encode_params();
            let cut = cut.min(data.len() - 1);
            prop_assert!(decode(SINGLE, &data[..data.len() - cut]).is_err());
        }
    }
}

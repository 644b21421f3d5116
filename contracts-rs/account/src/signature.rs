//! The owner's signature: 65 bytes r, s, v over the raw hash. One signature has one form:
//! s in the lower half of the curve order, v 27 or 28.

use alloy_primitives::{B256, U256, uint};

/// Length of r, s, v.
pub const LENGTH: usize = 65;

/// Half of the order of secp256k1: the highest s that is accepted.
const HALF_ORDER: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// Input of the ecrecover precompile, or `None` if `signature` is not in the one form.
pub fn recovery_input(hash: B256, signature: &[u8; LENGTH]) -> Option<[u8; 128]> {
    let (r, s, v) = (&signature[..32], &signature[32..64], signature[64]);
    if U256::from_be_slice(s) > HALF_ORDER || !(v == 27 || v == 28) {
        return None;
    }
    let mut input = [0; 128];
    input[..32].copy_from_slice(hash.as_slice());
    input[63] = v;
    input[64..96].copy_from_slice(r);
    input[96..].copy_from_slice(s);
    Some(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(s: U256, v: u8) -> [u8; LENGTH] {
        let mut signature = [7; LENGTH];
        signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        signature[64] = v;
        signature
    }

    #[test]
    fn low_s_is_laid_out_for_the_precompile() {
        let hash = B256::repeat_byte(9);
        let input = recovery_input(hash, &signature(HALF_ORDER, 28)).expect("low s");
        assert_eq!(input[..32], [9; 32]);
        assert_eq!(U256::from_be_slice(&input[32..64]), U256::from(28));
        assert_eq!(input[64..96], [7; 32]);
        assert_eq!(U256::from_be_slice(&input[96..]), HALF_ORDER);
    }

    #[test]
    fn the_other_form_of_a_signature_is_refused() {
        let high = HALF_ORDER + U256::from(1);
        assert_eq!(recovery_input(B256::ZERO, &signature(high, 27)), None);
        for v in [0, 1, 26, 29, 255] {
            assert_eq!(recovery_input(B256::ZERO, &signature(HALF_ORDER, v)), None);
        }
    }
}

//! Big-endian fields packed into storage words, most significant byte first.

use alloy_primitives::B256;

/// Fills one word from its most significant byte on; what is not filled stays zero.
#[derive(Default)]
pub struct Packer {
    word: B256,
    used: usize,
}

impl Packer {
    /// Appends a field. A word that overflows is a programming error and traps.
    #[must_use]
    pub fn put(mut self, field: &[u8]) -> Self {
        let end = self.used + field.len();
        self.word[self.used..end].copy_from_slice(field);
        self.used = end;
        self
    }

    /// The finished word.
    pub fn word(self) -> B256 {
        self.word
    }
}

/// Takes a word apart in the order in which [`Packer`] put it together.
pub struct Unpacker {
    word: B256,
    used: usize,
}

impl Unpacker {
    /// Starts at the most significant byte.
    pub fn new(word: B256) -> Self {
        Self { word, used: 0 }
    }

    /// The next `N` bytes.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.word[self.used..self.used + N]);
        self.used += N;
        field
    }
}

/// The twelve bytes of a wei amount that fits `uint96`. A larger one traps.
pub fn wei_bytes(amount: u128) -> [u8; 12] {
    assert!(amount >> 96 == 0);
    let mut out = [0; 12];
    out.copy_from_slice(&amount.to_be_bytes()[4..]);
    out
}

/// The wei amount of twelve bytes.
pub fn wei_from_bytes(bytes: [u8; 12]) -> u128 {
    let mut wide = [0; 16];
    wide[4..].copy_from_slice(&bytes);
    u128::from_be_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_come_back(a: u64, b: u32, c: [u8; 20]) {
            let word = Packer::default()
                .put(&a.to_be_bytes())
                .put(&b.to_be_bytes())
                .put(&c)
                .word();
            let mut fields = Unpacker::new(word);
            prop_assert_eq!(u64::from_be_bytes(fields.take()), a);
            prop_assert_eq!(u32::from_be_bytes(fields.take()), b);
            prop_assert_eq!(fields.take::<20>(), c);
        }

        #[test]
        fn wei_comes_back(amount in 0..1u128 << 96) {
            prop_assert_eq!(wei_from_bytes(wei_bytes(amount)), amount);
        }
    }

    #[test]
    #[should_panic]
    fn wei_above_96_bits_traps() {
        wei_bytes(1 << 96);
    }

    #[test]
    #[should_panic]
    fn overfull_word_traps() {
        let _ = Packer::default().put(&[0; 32]).put(&[0]);
    }
}

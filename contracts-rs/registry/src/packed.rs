//! The registry's records as storage words. Field order is the order of the bytes.

use alloy_primitives::{Address, B256};
use common::packing::{Packer, Unpacker, wei_bytes, wei_from_bytes};

/// A record that fits one word.
pub trait Packed {
    /// From its word; zero gives the empty record.
    fn unpack(word: B256) -> Self;
    /// To its word.
    fn pack(&self) -> B256;
}

macro_rules! packed {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[cfg_attr(test, derive(Debug, PartialEq))]
        pub struct $name {
            $($(#[$field_doc])* pub $field: packed!(@type $kind),)*
        }

        impl Packed for $name {
            fn unpack(word: B256) -> Self {
                let mut fields = Unpacker::new(word);
                Self { $($field: packed!(@take $kind fields),)* }
            }

            fn pack(&self) -> B256 {
                Packer::default()$(.put(packed!(@bytes $kind self.$field)))*.word()
            }
        }
    };
    (@type address) => { Address };
    (@type wei) => { u128 };
    (@type $int:ident) => { $int };
    (@take address $from:ident) => { Address::from($from.take::<20>()) };
    (@take wei $from:ident) => { wei_from_bytes($from.take()) };
    (@take bool $from:ident) => { $from.take::<1>() != [0] };
    (@take $int:ident $from:ident) => { $int::from_be_bytes($from.take()) };
    (@bytes address $value:expr) => { $value.as_slice() };
    (@bytes wei $value:expr) => { &wei_bytes($value) };
    (@bytes bool $value:expr) => { &[$value as u8] };
    (@bytes $int:ident $value:expr) => { &$value.to_be_bytes() };
}

packed! {
    /// Who rules, what it costs, whether selling is stopped. 29 bytes.
    Config {
        owner: address,
        /// Share of a charge for the keeper that settles, basis points.
        keeper_bps: u16,
        /// Share of a charge for the owner, basis points.
        protocol_bps: u16,
        paused: bool,
        /// Keepers ever added; the next one's number is one higher.
        keeper_count: u32,
    }
}

packed! {
    /// What every purchase and withdrawal moves. 32 bytes.
    Counters {
        agents: u64,
        purchases: u64,
        /// Wei in open escrows and in balances: what the registry must hold.
        owed: u128,
    }
}

packed! {
    /// An agent's current state. 29 bytes.
    Head {
        publisher: address,
        version: u32,
        /// That of the current version, so that a purchase reads one slot less.
        max_seconds: u32,
        listed: bool,
    }
}

packed! {
    /// First word of a listing version. 32 bytes.
    Terms {
        payee: address,
        price: wei,
    }
}

packed! {
    /// First word of a purchase. 32 bytes.
    Payment {
        buyer: address,
        escrow: wei,
    }
}

packed! {
    /// Second word of a purchase. 29 bytes.
    Order {
        agent: u64,
        version: u32,
        /// Unix seconds; a refund is possible after it.
        deadline: u64,
        status: u8,
        keeper_bps: u16,
        protocol_bps: u16,
        /// Number of the keeper that settled, 0 before.
        keeper: u32,
    }
}

packed! {
    /// A keeper's admission. 5 bytes.
    Admission {
        /// 0 if never admitted; kept for ever, as purchases refer to it.
        number: u32,
        active: bool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn survives<T: Packed + core::fmt::Debug + PartialEq>(record: &T) -> Result<(), TestCaseError> {
        prop_assert_eq!(&T::unpack(record.pack()), record);
        Ok(())
    }

    proptest! {
        #[test]
        fn records_come_back(
            who: [u8; 20], a: u64, b: u64, c: u32, d: u32, e: u16, f: u16, g: u8,
            flag: bool, owed: u128, wei in 0..1u128 << 96,
        ) {
            let who = Address::from(who);
            survives(&Config {
                owner: who, keeper_bps: e, protocol_bps: f, paused: flag, keeper_count: c,
            })?;
            survives(&Counters { agents: a, purchases: b, owed })?;
            survives(&Head { publisher: who, version: c, max_seconds: d, listed: flag })?;
            survives(&Terms { payee: who, price: wei })?;
            survives(&Payment { buyer: who, escrow: wei })?;
            survives(&Order {
                agent: a, version: c, deadline: b, status: g,
                keeper_bps: e, protocol_bps: f, keeper: d,
            })?;
            survives(&Admission { number: c, active: flag })?;
        }
    }

    #[test]
    fn empty_word_is_the_empty_record() {
        assert!(Head::unpack(B256::ZERO).publisher.is_zero());
        assert_eq!(Order::unpack(B256::ZERO).status, 0);
        assert_eq!(Admission::unpack(B256::ZERO), Admission { number: 0, active: false });
    }
}

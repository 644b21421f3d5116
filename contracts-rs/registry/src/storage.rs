//! Where the registry's records live: an ERC-7201 namespace, one word per record part.

use crate::packed::{Admission, Config, Counters, Head, Order, Packed, Payment, Terms};
use alloy_primitives::{Address, B256, U256, uint};
use common::slots::{Slots, entry, namespace};

const BASE: U256 = namespace("agentnexus.registry");
const CONFIG: U256 = BASE;
const PENDING_OWNER: U256 = offset(1);
const COUNTERS: U256 = offset(2);
const HEADS: U256 = offset(3);
const LISTINGS: U256 = offset(4);
const PURCHASES: U256 = offset(5);
const ADMISSIONS: U256 = offset(6);
const KEEPERS: U256 = offset(7);
const BALANCES: U256 = offset(8);
/// Transient slot of the withdrawal guard.
pub const GUARD: U256 = offset(9);

const ONE: U256 = uint!(1_U256);

/// The namespace's lowest byte is zero, so that small offsets never carry.
const fn offset(index: u8) -> U256 {
    let mut bytes = BASE.to_be_bytes::<32>();
    bytes[31] = index;
    U256::from_be_bytes(bytes)
}

/// One version of a listing: four words.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct ListingRecord {
    /// Payee and price.
    pub terms: Terms,
    /// SHA-256 digest of the image.
    pub image_digest: B256,
    /// Keccak-256 of the manifest.
    pub manifest_hash: B256,
    /// Bound of one run, seconds.
    pub max_seconds: u32,
}

/// A purchase without its hashes: two words.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct PurchaseRecord {
    /// Who paid what.
    pub payment: Payment,
    /// What for, until when, and what became of it.
    pub order: Order,
}

/// The registry's state. All its rules are written against this, so that they run on a
/// chain and, in tests, on a map.
pub struct Book<S> {
    pub(crate) slots: S,
}

impl<S: Slots> Book<S> {
    /// The state in `slots`.
    pub fn new(slots: S) -> Self {
        Self { slots }
    }

    fn get<T: Packed>(&self, slot: U256) -> T {
        T::unpack(self.slots.load(slot))
    }

    fn put(&mut self, slot: U256, record: &impl Packed) {
        self.slots.store(slot, record.pack());
    }

    pub(crate) fn config(&self) -> Config {
        self.get(CONFIG)
    }

    pub(crate) fn set_config(&mut self, config: &Config) {
        self.put(CONFIG, config);
    }

    pub(crate) fn pending_owner(&self) -> Address {
        Address::from_word(self.slots.load(PENDING_OWNER))
    }

    pub(crate) fn set_pending_owner(&mut self, owner: Address) {
        self.slots.store(PENDING_OWNER, owner.into_word());
    }

    pub(crate) fn counters(&self) -> Counters {
        self.get(COUNTERS)
    }

    pub(crate) fn set_counters(&mut self, counters: &Counters) {
        self.put(COUNTERS, counters);
    }

    pub(crate) fn head(&self, agent: u64) -> Head {
        self.get(entry(HEADS, number(agent)))
    }

    pub(crate) fn set_head(&mut self, agent: u64, head: &Head) {
        self.put(entry(HEADS, number(agent)), head);
    }

    pub(crate) fn terms(&self, agent: u64, version: u32) -> Terms {
        self.get(listing_slot(agent, version))
    }

    pub(crate) fn listing(&self, agent: u64, version: u32) -> ListingRecord {
        let slot = listing_slot(agent, version);
        ListingRecord {
            terms: self.get(slot),
            image_digest: self.slots.load(slot.wrapping_add(ONE)),
            manifest_hash: self.slots.load(slot.wrapping_add(uint!(2_U256))),
            max_seconds: self.slots.load(slot.wrapping_add(uint!(3_U256))).into_u32(),
        }
    }

    pub(crate) fn set_listing(&mut self, agent: u64, version: u32, listing: &ListingRecord) {
        let slot = listing_slot(agent, version);
        self.put(slot, &listing.terms);
        self.slots.store(slot.wrapping_add(ONE), listing.image_digest);
        self.slots.store(slot.wrapping_add(uint!(2_U256)), listing.manifest_hash);
        let seconds = number(listing.max_seconds.into());
        self.slots.store(slot.wrapping_add(uint!(3_U256)), seconds);
    }

    pub(crate) fn purchase(&self, id: u64) -> PurchaseRecord {
        let slot = entry(PURCHASES, number(id));
        PurchaseRecord { payment: self.get(slot), order: self.get(slot.wrapping_add(ONE)) }
    }

    pub(crate) fn input_hash(&self, id: u64) -> B256 {
        self.slots.load(entry(PURCHASES, number(id)).wrapping_add(uint!(2_U256)))
    }

    pub(crate) fn hashes(&self, id: u64) -> (B256, B256) {
        let slot = entry(PURCHASES, number(id));
        (self.input_hash(id), self.slots.load(slot.wrapping_add(uint!(3_U256))))
    }

    pub(crate) fn set_purchase(&mut self, id: u64, record: &PurchaseRecord, input_hash: B256) {
        let slot = entry(PURCHASES, number(id));
        self.put(slot, &record.payment);
        self.put(slot.wrapping_add(ONE), &record.order);
        self.slots.store(slot.wrapping_add(uint!(2_U256)), input_hash);
    }

    pub(crate) fn set_order(&mut self, id: u64, order: &Order) {
        self.put(entry(PURCHASES, number(id)).wrapping_add(ONE), order);
    }

    pub(crate) fn set_receipt_hash(&mut self, id: u64, hash: B256) {
        let slot = entry(PURCHASES, number(id));
        self.slots.store(slot.wrapping_add(uint!(3_U256)), hash);
    }

    pub(crate) fn admission(&self, keeper: Address) -> Admission {
        self.get(entry(ADMISSIONS, keeper.into_word()))
    }

    pub(crate) fn set_admission(&mut self, keeper: Address, admission: &Admission) {
        self.put(entry(ADMISSIONS, keeper.into_word()), admission);
    }

    pub(crate) fn keeper(&self, keeper_number: u32) -> Address {
        Address::from_word(self.slots.load(entry(KEEPERS, number(keeper_number.into()))))
    }

    pub(crate) fn set_keeper(&mut self, keeper_number: u32, keeper: Address) {
        self.slots.store(entry(KEEPERS, number(keeper_number.into())), keeper.into_word());
    }

    pub(crate) fn balance(&self, account: Address) -> u128 {
        let word = self.slots.load(entry(BALANCES, account.into_word()));
        u128::from_be_bytes(common::packing::Unpacker::new(word).take())
    }

    pub(crate) fn set_balance(&mut self, account: Address, amount: u128) {
        let word = common::packing::Packer::default().put(&amount.to_be_bytes()).word();
        self.slots.store(entry(BALANCES, account.into_word()), word);
    }

    /// Adds to a withdrawable balance; nothing is written for nothing.
    pub(crate) fn credit(&mut self, account: Address, amount: u128) {
        if amount > 0 {
            self.set_balance(account, self.balance(account) + amount);
        }
    }
}

pub(crate) fn number(value: u64) -> B256 {
    let mut word = B256::ZERO;
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

fn listing_slot(agent: u64, version: u32) -> U256 {
    let mut key = number(agent);
    key[20..24].copy_from_slice(&version.to_be_bytes());
    entry(LISTINGS, key)
}

trait IntoU32 {
    fn into_u32(self) -> u32;
}

impl IntoU32 for B256 {
    fn into_u32(self) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self[28..]);
        u32::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MapSlots;

    #[test]
    fn records_do_not_overlap() {
        let mut book = Book::new(MapSlots::default());
        let slots = |book: &Book<MapSlots>| book.slots.len();
        book.set_config(&Config::unpack(B256::repeat_byte(1)));
        book.set_pending_owner(Address::repeat_byte(2));
        book.set_counters(&Counters::unpack(B256::repeat_byte(3)));
        book.set_head(1, &Head::unpack(B256::repeat_byte(4)));
        assert_eq!(slots(&book), 4);
        for (agent, version) in [(1, 1), (1, 2), (2, 1)] {
            book.set_listing(
                agent,
                version,
                &ListingRecord {
                    terms: Terms::unpack(B256::repeat_byte(5)),
                    image_digest: B256::repeat_byte(6),
                    manifest_hash: B256::repeat_byte(7),
                    max_seconds: 8,
                },
            );
        }
        assert_eq!(slots(&book), 4 + 3 * 4);
    }

    #[test]
    fn a_purchase_is_four_words() {
        let mut book = Book::new(MapSlots::default());
        let record = PurchaseRecord {
            payment: Payment::unpack(B256::repeat_byte(9)),
            order: Order::unpack(Packed::pack(&Order::unpack(B256::repeat_byte(1)))),
        };
        book.set_purchase(7, &record, B256::repeat_byte(2));
        assert_eq!(book.slots.len(), 3);
        book.set_receipt_hash(7, B256::repeat_byte(3));
        assert_eq!(book.slots.len(), 4);
        assert_eq!(book.purchase(7), record);
        assert_eq!(book.hashes(7), (B256::repeat_byte(2), B256::repeat_byte(3)));
    }
}

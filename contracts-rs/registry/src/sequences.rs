//! Random sequences of calls against the rules: whatever happens, what is owed equals the
//! open escrows plus the balances, and equals what came in minus what went out.

use crate::errors::RegistryError;
use crate::events::{Listing, Outcome};
use crate::purchase::{Request, SETTLEMENT_WINDOW};
use crate::settlement::order_hash;
use crate::status;
use crate::storage::Book;
use crate::testing::MapSlots;
use alloy_primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256};
use proptest::prelude::*;

const OWNER: Address = Address::repeat_byte(0xee);
const PEOPLE: u8 = 6;
const PRICE: u128 = 1_000_003;

#[derive(Clone, Debug)]
enum Step {
    List { publisher: u8, payee: u8, price: u128 },
    Relist { publisher: u8, agent: u64, price: u128 },
    Unlist { publisher: u8, agent: u64 },
    Buy { buyer: u8, agent: u64, version: u32, value: u128 },
    Settle { keeper: u8, purchase: u64, report: Report },
    Refund { purchase: u64 },
    Withdraw { who: u8 },
    Keeper { who: u8, add: bool },
    Fees { keeper: u16, protocol: u16 },
    Pause(bool),
    Wait(u64),
    Hand { to: u8 },
}

/// A keeper's report: whether it is on the order that is there, says that the run went well, and
/// names what was delivered; and its charge.
#[derive(Clone, Copy, Debug)]
struct Report {
    same: bool,
    ok: bool,
    named: bool,
    charge: u128,
}

fn person(number: u8) -> Address {
    Address::repeat_byte(number % PEOPLE + 1)
}

fn offer(payee: u8, price: u128) -> Listing {
    Listing {
        payee: person(payee),
        price: U96::from(price),
        maxSeconds: 60,
        imageDigest: B256::repeat_byte(1),
    }
}

fn report() -> impl Strategy<Value = Report> {
    let mostly = || prop::bool::weighted(0.9);
    let charge = prop_oneof![Just(PRICE), Just(0), 0..2 * PRICE];
    (mostly(), any::<bool>(), mostly(), charge).prop_map(|(same, ok, named, charge)| Report {
        same,
        ok,
        named,
        charge,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let price = prop_oneof![Just(PRICE), Just(0), Just(1), 0..1u128 << 96];
    let who = 0..PEOPLE;
    let agent = 1..4u64;
    let purchase = 1..12u64;
    prop_oneof![
        2 => (who.clone(), who.clone(), price.clone())
            .prop_map(|(publisher, payee, price)| Step::List { publisher, payee, price }),
        1 => (who.clone(), agent.clone(), price.clone())
            .prop_map(|(publisher, agent, price)| Step::Relist { publisher, agent, price }),
        1 => (who.clone(), agent.clone())
            .prop_map(|(publisher, agent)| Step::Unlist { publisher, agent }),
        8 => (who.clone(), agent, 1..3u32, price)
            .prop_map(|(buyer, agent, version, value)| Step::Buy { buyer, agent, version, value }),
        8 => (who.clone(), purchase.clone(), report())
            .prop_map(|(keeper, purchase, report)| Step::Settle { keeper, purchase, report }),
        3 => purchase.prop_map(|purchase| Step::Refund { purchase }),
        3 => who.clone().prop_map(|who| Step::Withdraw { who }),
        3 => (who.clone(), prop::bool::weighted(0.8))
            .prop_map(|(who, add)| Step::Keeper { who, add }),
        1 => (0..1500u16, 0..1500u16)
            .prop_map(|(keeper, protocol)| Step::Fees { keeper, protocol }),
        1 => prop::bool::weighted(0.2).prop_map(Step::Pause),
        2 => (0..SETTLEMENT_WINDOW).prop_map(Step::Wait),
        1 => who.prop_map(|to| Step::Hand { to }),
    ]
}

/// The registry with what the chain would know beside it.
struct World {
    book: Book<MapSlots>,
    owner: Address,
    now: u64,
    came_in: u128,
    went_out: u128,
}

impl World {
    fn new() -> Self {
        let mut book = Book::new(MapSlots::default());
        book.initialize(OWNER, 500, 100).expect("first time");
        Self { book, owner: OWNER, now: 1_000, came_in: 0, went_out: 0 }
    }

    fn apply(&mut self, step: Step) -> Result<(), RegistryError> {
        let manifest = Bytes::from_static(b"{}");
        match step {
            Step::List { publisher, payee, price } => {
                self.book.list(person(publisher), offer(payee, price), manifest)?;
            }
            Step::Relist { publisher, agent, price } => {
                let offer = offer(publisher, price);
                self.book.relist(person(publisher), U256::from(agent), offer, manifest)?;
            }
            Step::Unlist { publisher, agent } => {
                self.book.unlist(person(publisher), U256::from(agent))?;
            }
            Step::Buy { buyer, agent, version, value } => {
                let request = Request {
                    agent_id: U256::from(agent),
                    version,
                    input_hash: keccak256(b"in"),
                    input: Bytes::from_static(b"in"),
                };
                self.book.buy(person(buyer), U256::from(value), self.now, request)?;
                self.came_in += value;
            }
            Step::Settle { keeper, purchase, report: Report { same, ok, named, charge } } => {
                let record = self.book.purchase(purchase);
                let buyer = if same { record.payment.buyer } else { OWNER };
                let hash = if named { B256::repeat_byte(3) } else { B256::ZERO };
                let outcome = Outcome {
                    orderHash: order_hash(buyer, &record.order, keccak256(b"in")),
                    ok,
                    charge: U96::from(charge),
                    resultHash: hash,
                    receiptHash: hash,
                };
                self.book.settle(person(keeper), purchase, outcome)?;
                assert!(same, "settled for another order");
                assert!(named || !ok, "a success of which nothing is kept");
            }
            Step::Refund { purchase } => {
                self.book.refund(purchase, self.now)?;
            }
            Step::Withdraw { who } => {
                let paid = self.book.withdraw(person(who), person(who))?;
                self.went_out += paid.amount.to::<u128>();
            }
            Step::Keeper { who, add: true } => {
                self.book.add_keeper(self.owner, person(who))?;
            }
            Step::Keeper { who, add: false } => {
                self.book.remove_keeper(self.owner, person(who))?;
            }
            Step::Fees { keeper, protocol } => {
                self.book.set_fees(self.owner, keeper, protocol)?;
            }
            Step::Pause(paused) => {
                self.book.set_paused(self.owner, paused)?;
            }
            Step::Wait(seconds) => self.now += seconds,
            Step::Hand { to } => {
                self.book.transfer_ownership(self.owner, person(to))?;
                self.book.accept_ownership(person(to))?;
                self.owner = person(to);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let counters = self.book.counters();
        let escrows: u128 = (1..=counters.purchases)
            .map(|id| self.book.purchase(id))
            .filter(|record| record.order.status == status::OPEN)
            .map(|record| record.payment.escrow)
            .sum();
        let accounts = (0..PEOPLE).map(person).chain([OWNER]);
        let balances: u128 = accounts.map(|account| self.book.balance(account)).sum();
        prop_assert_eq!(escrows + balances, counters.owed);
        prop_assert_eq!(counters.owed, self.came_in - self.went_out);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_owed_is_what_is_held(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            let closed: Vec<u8> = statuses(&world);
            // On the chain a refusal undoes everything; here the rules must not have
            // written anything that shows before they refuse.
            let _ = world.apply(step);
            world.check()?;
            for (before, after) in closed.iter().zip(statuses(&world)) {
                prop_assert!(*before == status::OPEN || *before == after, "closed for ever");
            }
        }
    }
}

fn statuses(world: &World) -> Vec<u8> {
    let purchases = world.book.counters().purchases;
    (1..=purchases).map(|id| world.book.purchase(id).order.status).collect()
}

#[test]
fn sequences_reach_every_stage() {
    let mut world = World::new();
    let buy = Step::Buy { buyer: 1, agent: 1, version: 1, value: PRICE };
    let settle = |purchase, ok, charge| {
        let report = Report { same: true, ok, named: true, charge };
        Step::Settle { keeper: 2, purchase, report }
    };
    let steps = [
        Step::Keeper { who: 2, add: true },
        Step::List { publisher: 0, payee: 3, price: PRICE },
        buy.clone(),
        buy.clone(),
        buy,
        settle(1, true, PRICE),
        settle(2, false, 0),
        Step::Wait(10_000),
        Step::Refund { purchase: 3 },
    ];
    for step in steps {
        world.apply(step).expect("allowed");
    }
    assert_eq!(statuses(&world), [status::SETTLED_OK, status::SETTLED_FAILED, status::REFUNDED]);
    assert_eq!(world.book.balance(person(1)), 2 * PRICE);
}

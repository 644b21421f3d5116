//! Closing a purchase: a keeper settles it, or anyone has it refunded after the deadline.
//! Nobody is called and nobody can stop it: money moves between balances only.

use crate::errors::*;
use crate::events::{Outcome, Refunded, Settled};
use crate::packed::{Order, Payment};
use crate::split::split;
use crate::status;
use crate::storage::{Book, PurchaseRecord, number};
use alloy_primitives::{Address, B256, aliases::U96, keccak256};
use common::slots::Slots;

type Result<T> = core::result::Result<T, RegistryError>;

impl<S: Slots> Book<S> {
    /// Divides the escrow as `outcome` says, if it speaks of this order and, being a success,
    /// names what was delivered. Late is allowed until somebody refunds. Writes two words, and one per account that gets something (payee,
    /// keeper, owner, buyer): at most six. Beside those it reads at most five.
    pub fn settle(&mut self, caller: Address, id: u64, outcome: Outcome) -> Result<Settled> {
        let admission = self.admission(caller);
        if !admission.active {
            return Err(NotKeeper { caller }.into());
        }
        let PurchaseRecord { payment, order } = self.open_purchase(id)?;
        let expected = order_hash(payment.buyer, &order, self.input_hash(id));
        if outcome.orderHash != expected {
            return Err(WrongOrder { expected }.into());
        }
        let charge: u128 = outcome.charge.to();
        let limit = if outcome.ok { payment.escrow } else { 0 };
        let parts = (charge <= limit)
            .then(|| split(payment.escrow, charge, order.keeper_bps, order.protocol_bps))
            .flatten()
            .ok_or(ChargeTooHigh { charge: outcome.charge, limit: U96::from(limit) })?;
        check_hashes(&outcome)?;

        let status = if outcome.ok { status::SETTLED_OK } else { status::SETTLED_FAILED };
        let terms = self.terms(order.agent, order.version);
        self.set_order(id, &Order { status, keeper: admission.number, ..order });
        self.set_receipt_hash(id, outcome.receiptHash);
        self.credit(terms.payee, parts.payee);
        self.credit(caller, parts.keeper);
        if parts.protocol > 0 {
            self.credit(self.config().owner, parts.protocol);
        }
        self.credit(payment.buyer, parts.buyer);
        Ok(Settled {
            purchaseId: id,
            keeper: caller,
            ok: outcome.ok,
            charge: outcome.charge,
            keeperFee: U96::from(parts.keeper),
            protocolFee: U96::from(parts.protocol),
            resultHash: outcome.resultHash,
            receiptHash: outcome.receiptHash,
        })
    }

    /// Gives the escrow back after the deadline. Writes two words.
    pub fn refund(&mut self, id: u64, now: u64) -> Result<Refunded> {
        let PurchaseRecord { payment, order } = self.open_purchase(id)?;
        if now <= order.deadline {
            return Err(DeadlineNotPassed { deadline: order.deadline }.into());
        }
        let Payment { buyer, escrow } = payment;
        self.set_order(id, &Order { status: status::REFUNDED, ..order });
        self.credit(buyer, escrow);
        Ok(Refunded { purchaseId: id, buyer, amount: U96::from(escrow) })
    }

    fn open_purchase(&self, id: u64) -> Result<PurchaseRecord> {
        let record = self.purchase(id);
        match record.order.status {
            status::OPEN => Ok(record),
            0 => Err(UnknownPurchase { purchaseId: id }.into()),
            status => Err(PurchaseNotOpen { purchaseId: id, status }.into()),
        }
    }
}

/// Nobody pays for a run of which the chain would keep no trace. A failure may leave both out.
fn check_hashes(outcome: &Outcome) -> Result<()> {
    let &Outcome { ok, resultHash, receiptHash, .. } = outcome;
    if ok && (resultHash.is_zero() || receiptHash.is_zero()) {
        return Err(MissingHash { resultHash, receiptHash }.into());
    }
    Ok(())
}

/// What was bought, by whom: keccak256(abi.encode(buyer, agentId, version, inputHash)). The
/// price follows from the version; a purchase that a reorganisation brings back keeps it.
pub(crate) fn order_hash(buyer: Address, order: &Order, input_hash: B256) -> B256 {
    let words =
        [buyer.into_word().0, number(order.agent).0, number(order.version.into()).0, input_hash.0];
    keccak256(words.as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MapSlots;
    use alloy_primitives::{U256, b256};
    use alloy_sol_types::SolValue;

    const KEEPER: Address = Address::repeat_byte(0xcc);
    const INPUT: B256 = B256::repeat_byte(0x33);

    fn order(agent: u64, version: u32) -> Order {
        Order {
            agent,
            version,
            deadline: 9,
            status: status::OPEN,
            keeper_bps: 500,
            protocol_bps: 100,
            keeper: 0,
        }
    }

    /// Purchase 7, open, of `buyer`.
    fn book(buyer: Address) -> Book<MapSlots> {
        let mut book = Book::new(MapSlots::default());
        book.set_admission(KEEPER, &crate::packed::Admission { number: 1, active: true });
        let payment = Payment { buyer, escrow: 100 };
        book.set_purchase(7, &PurchaseRecord { payment, order: order(5, 2) }, INPUT);
        book
    }

    fn outcome(order_hash: B256, charge: u64) -> Outcome {
        Outcome {
            orderHash: order_hash,
            ok: true,
            charge: U96::from(charge),
            resultHash: B256::repeat_byte(1),
            receiptHash: B256::repeat_byte(2),
        }
    }

    #[test]
    fn a_success_that_names_no_result_or_receipt_changes_nothing() {
        let buyer = Address::repeat_byte(0xaa);
        let mut book = book(buyer);
        let before = book.slots.clone();
        let hash = order_hash(buyer, &order(5, 2), INPUT);
        let some = B256::repeat_byte(1);
        for (result, receipt) in [(B256::ZERO, some), (some, B256::ZERO), (B256::ZERO, B256::ZERO)]
        {
            for charge in [0, 100] {
                let report = outcome(hash, charge);
                let report = Outcome { resultHash: result, receiptHash: receipt, ..report };
                let expected = MissingHash { resultHash: result, receiptHash: receipt };
                assert_eq!(book.settle(KEEPER, 7, report).err(), Some(expected.into()));
            }
        }
        assert!(book.slots == before);
    }

    #[test]
    fn a_failure_may_name_neither() {
        let buyer = Address::repeat_byte(0xaa);
        let hash = order_hash(buyer, &order(5, 2), INPUT);
        for receipt in [B256::ZERO, B256::repeat_byte(2)] {
            let report = outcome(hash, 0);
            let report =
                Outcome { ok: false, resultHash: B256::ZERO, receiptHash: receipt, ..report };
            let settled = book(buyer).settle(KEEPER, 7, report).expect("a failure");
            assert_eq!((settled.resultHash, settled.receiptHash), (B256::ZERO, receipt));
        }
    }

    #[test]
    fn the_order_hash_is_that_of_the_abi_encoding() {
        let (buyer, agent, version) = (Address::repeat_byte(0xaa), u64::MAX, u32::MAX - 1);
        let encoded = (buyer, U256::from(agent), version, INPUT).abi_encode();
        assert_eq!(order_hash(buyer, &order(agent, version), INPUT), keccak256(encoded));
        // The vector that the domain crate's receipts are held to as well.
        let vector = b256!("3dbdc6889a75d3b9de56202f1062e217a248ac5e0b107eae1c9f6a53b96ff013");
        assert_eq!(order_hash(Address::repeat_byte(0x55), &order(1, 2), INPUT), vector);
    }

    #[test]
    fn a_report_on_another_order_changes_nothing() {
        let (alice, bob) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
        let mut book = book(bob);
        let signed = order_hash(alice, &order(5, 2), INPUT);
        let expected = order_hash(bob, &order(5, 2), INPUT);
        let before = book.slots.clone();
        let others = [
            signed,
            order_hash(bob, &order(6, 2), INPUT),
            order_hash(bob, &order(5, 3), INPUT),
            order_hash(bob, &order(5, 2), B256::ZERO),
            B256::ZERO,
        ];
        for other in others {
            // Also if the charge is too high: the order is looked at first.
            for charge in [0, 100, 101] {
                let refusal = book.settle(KEEPER, 7, outcome(other, charge));
                assert_eq!(refusal.err(), Some(WrongOrder { expected }.into()));
            }
        }
        assert!(book.slots == before);
        assert!(book.settle(KEEPER, 7, outcome(expected, 100)).is_ok());
    }

    #[test]
    fn strangers_and_closed_purchases_are_refused_before_the_order_is_looked_at() {
        let mut book = book(Address::repeat_byte(0xbb));
        let caller = Address::repeat_byte(1);
        let refusal = book.settle(caller, 7, outcome(B256::ZERO, 0));
        assert_eq!(refusal.err(), Some(NotKeeper { caller }.into()));
        let refusal = book.settle(KEEPER, 8, outcome(B256::ZERO, 0));
        assert_eq!(refusal.err(), Some(UnknownPurchase { purchaseId: 8 }.into()));
        book.set_order(7, &Order { status: status::REFUNDED, ..order(5, 2) });
        let refusal = book.settle(KEEPER, 7, outcome(B256::ZERO, 0));
        let closed = PurchaseNotOpen { purchaseId: 7, status: status::REFUNDED };
        assert_eq!(refusal.err(), Some(closed.into()));
    }
}

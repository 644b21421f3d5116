//! Closing a purchase: a keeper settles it, or anyone has it refunded after the deadline.
//! Nobody is called and nobody can stop it: money moves between balances only.

use crate::errors::*;
use crate::events::{Outcome, Refunded, Settled};
use crate::packed::{Order, Payment};
use crate::split::split;
use crate::status;
use crate::storage::{Book, PurchaseRecord};
use alloy_primitives::{Address, aliases::U96};
use common::slots::Slots;

type Result<T> = core::result::Result<T, RegistryError>;

impl<S: Slots> Book<S> {
    /// Divides the escrow as `outcome` says. Late is allowed until somebody refunds.
    /// Writes two words, and one per account that gets something (payee, keeper, owner,
    /// buyer): at most six.
    pub fn settle(&mut self, caller: Address, id: u64, outcome: Outcome) -> Result<Settled> {
        let admission = self.admission(caller);
        if !admission.active {
            return Err(NotKeeper { caller }.into());
        }
        let PurchaseRecord { payment, order } = self.open_purchase(id)?;
        let charge: u128 = outcome.charge.to();
        let limit = if outcome.ok { payment.escrow } else { 0 };
        let parts = (charge <= limit)
            .then(|| split(payment.escrow, charge, order.keeper_bps, order.protocol_bps))
            .flatten()
            .ok_or(ChargeTooHigh { charge: outcome.charge, limit: U96::from(limit) })?;

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

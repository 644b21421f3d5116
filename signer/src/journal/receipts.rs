//! Receipts: one digest for each order of a purchase, whether it came to sign the receipt or the
//! settlement.
//!
//! A purchase has another order only when a reorganisation gave its id away. The registry refuses
//! a settlement for any order but the purchase's, so that no two of them can ever count.

use alloy_primitives::{Address, B256};
use domain::ids::PurchaseId;
use domain::wire::RefusalCode;
use rusqlite::{Transaction, params};

use crate::refusal::Refusal;

/// A receipt, as it and the settlement that names it agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptKey {
    /// The registry.
    pub registry: Address,
    /// The purchase.
    pub purchase: PurchaseId,
    /// What was bought and by whom.
    pub order_hash: B256,
    /// The receipt's digest.
    pub digest: B256,
}

pub fn record(
    transaction: &Transaction<'_>,
    chain_id: u64,
    receipt: &ReceiptKey,
) -> Result<(), Refusal> {
    let ReceiptKey { registry, purchase, order_hash, digest } = *receipt;
    let mut statement = transaction.prepare_cached(
        "SELECT order_hash, digest FROM receipts_of_orders
         WHERE chain_id = ?1 AND registry = ?2 AND purchase = ?3",
    )?;
    let key = params![chain_id.cast_signed(), registry.as_slice(), purchase.0.cast_signed()];
    let known = statement.query_map(key, |row| {
        Ok((B256::from(row.get::<_, [u8; 32]>(0)?), B256::from(row.get::<_, [u8; 32]>(1)?)))
    })?;
    for row in known {
        let (order, known) = row?;
        let same_order = order == order_hash || order.is_zero();
        if same_order && known == digest {
            return Ok(());
        }
        if same_order {
            let message =
                format!("purchase {purchase} has the receipt {known} already, not {digest}");
            return Err(Refusal::new(RefusalCode::ReceiptConflict, message));
        }
        if known == digest {
            let message = format!("receipt {digest} is for the order {order}, not {order_hash}");
            return Err(Refusal::new(RefusalCode::ReceiptConflict, message));
        }
    }
    transaction.execute(
        "INSERT INTO receipts_of_orders (chain_id, registry, purchase, order_hash, digest)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            chain_id.cast_signed(),
            registry.as_slice(),
            purchase.0.cast_signed(),
            order_hash.0,
            digest.0
        ],
    )?;
    Ok(())
}

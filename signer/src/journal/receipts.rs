//! Receipts: one digest for each purchase, whether it came to sign the receipt or the settlement.

use alloy_primitives::{Address, B256};
use domain::ids::PurchaseId;
use domain::wire::RefusalCode;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::refusal::Refusal;

pub fn record(
    transaction: &Transaction<'_>,
    chain_id: u64,
    registry: Address,
    purchase: PurchaseId,
    digest: B256,
) -> Result<(), Refusal> {
    let key = params![chain_id.cast_signed(), registry.as_slice(), purchase.0.cast_signed()];
    let known: Option<[u8; 32]> = transaction
        .query_row(
            "SELECT digest FROM receipts WHERE chain_id = ?1 AND registry = ?2 AND purchase = ?3",
            key,
            |row| row.get(0),
        )
        .optional()?;
    match known {
        Some(known) if digest == known => Ok(()),
        Some(known) => {
            let message = format!(
                "purchase {purchase} has the receipt {} already, not {digest}",
                B256::from(known)
            );
            Err(Refusal::new(RefusalCode::ReceiptConflict, message))
        }
        None => {
            transaction.execute(
                "INSERT INTO receipts (chain_id, registry, purchase, digest)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    chain_id.cast_signed(),
                    registry.as_slice(),
                    purchase.0.cast_signed(),
                    digest.0
                ],
            )?;
            Ok(())
        }
    }
}

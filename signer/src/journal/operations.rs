//! Operations: one calldata for each nonce, for ever; again only with higher fees.

use domain::wire::RefusalCode;
use rusqlite::{OptionalExtension, Transaction, params};

use super::number::Wide;
use super::{Day, budget, receipts};
use crate::policy::ApprovedOperation;
use crate::refusal::Refusal;

/// What was signed for a nonce so far.
struct Earlier {
    call_data_hash: [u8; 32],
    max_fee: Wide,
    tip: Wide,
    cost: Wide,
}

pub fn record(
    transaction: &Transaction<'_>,
    op: &ApprovedOperation,
    day: Day,
) -> Result<(), Refusal> {
    if is_known(transaction, &op.hash.0)? {
        return Ok(());
    }
    let earlier = earlier(transaction, op)?;
    if let Some(earlier) = &earlier {
        check_replacement(op, earlier)?;
    }
    if let Some(receipt) = &op.settles {
        receipts::record(transaction, op.chain_id, receipt)?;
    }
    // Only one operation of a nonce can ever be executed: a replacement adds the difference.
    let paid_for = earlier.map_or_else(Default::default, |earlier| earlier.cost.0);
    let day = budget::spend(transaction, op.cost.saturating_sub(paid_for), day)?;
    transaction.execute(
        "INSERT INTO operations
         (hash, chain_id, entry_point, sender, nonce, call_data_hash, max_fee, tip, cost, day)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            op.hash.0,
            op.chain_id.cast_signed(),
            op.entry_point.as_slice(),
            op.sender.as_slice(),
            Wide(op.nonce),
            op.call_data_hash.0,
            Wide::new(op.max_fee),
            Wide::new(op.tip),
            Wide(op.cost),
            day,
        ],
    )?;
    Ok(())
}

/// Whether an operation was signed here.
pub fn is_known(transaction: &Transaction<'_>, hash: &[u8; 32]) -> Result<bool, Refusal> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM operations WHERE hash = ?1")?;
    Ok(statement.exists([hash])?)
}

fn earlier(
    transaction: &Transaction<'_>,
    op: &ApprovedOperation,
) -> Result<Option<Earlier>, Refusal> {
    // The calldata is the same in all rows of a nonce; the rest is taken at its highest.
    Ok(transaction
        .query_row(
            "SELECT call_data_hash, max(max_fee), max(tip), max(cost) FROM operations
             WHERE chain_id = ?1 AND entry_point = ?2 AND sender = ?3 AND nonce = ?4
             GROUP BY call_data_hash",
            params![
                op.chain_id.cast_signed(),
                op.entry_point.as_slice(),
                op.sender.as_slice(),
                Wide(op.nonce)
            ],
            |row| {
                Ok(Earlier {
                    call_data_hash: row.get(0)?,
                    max_fee: row.get(1)?,
                    tip: row.get(2)?,
                    cost: row.get(3)?,
                })
            },
        )
        .optional()?)
}

fn check_replacement(op: &ApprovedOperation, earlier: &Earlier) -> Result<(), Refusal> {
    if op.call_data_hash != earlier.call_data_hash {
        let message = format!(
            "nonce {:#x} of {} was signed with other calldata; it can never be signed with this",
            op.nonce, op.sender
        );
        return Err(Refusal::new(RefusalCode::NonceUsed, message));
    }
    // Equal fees are fine: of one nonce only one operation is ever mined, and a caller that died
    // before it stored our answer may come back with other gas limits at the fee cap.
    if Wide::new(op.max_fee) < earlier.max_fee || Wide::new(op.tip) < earlier.tip {
        let message = format!(
            "nonce {:#x} was signed at {} wei per gas (tip {}): a replacement may lower \
             neither, as {} (tip {}) would",
            op.nonce, earlier.max_fee.0, earlier.tip.0, op.max_fee, op.tip
        );
        return Err(Refusal::new(RefusalCode::ReplacementUnderpriced, message));
    }
    Ok(())
}

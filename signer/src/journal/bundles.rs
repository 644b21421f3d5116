//! Bundles: only operations signed here; a nonce again for the same ones or at a higher fee.

use alloy_primitives::B256;
use domain::wire::RefusalCode;
use rusqlite::{OptionalExtension, Transaction, params};

use super::number::Wide;
use super::{Day, budget, operations};
use crate::policy::ApprovedBundle;
use crate::refusal::Refusal;

/// What was signed for a nonce so far, at its highest.
struct Earlier {
    max_fee: Wide,
    tip: Wide,
    cost: Wide,
}

pub fn record(
    transaction: &Transaction<'_>,
    bundle: &ApprovedBundle,
    tx: B256,
    day: Day,
) -> Result<(), Refusal> {
    for hash in &bundle.ops {
        if !operations::is_known(transaction, &hash.0)? {
            let message = format!("operation {hash} was not signed here");
            return Err(Refusal::new(RefusalCode::UnknownOperation, message));
        }
    }
    if transaction.prepare_cached("SELECT 1 FROM bundles WHERE tx = ?1")?.exists([tx.0])? {
        return Ok(());
    }
    let earlier = earlier(transaction, bundle)?;
    if let Some(earlier) = &earlier {
        check_replacement(transaction, bundle, earlier)?;
    }
    // Only one transaction of a nonce can ever be mined: a replacement adds the difference.
    let paid_for = earlier.map_or_else(Default::default, |earlier| earlier.cost.0);
    let day = budget::spend(transaction, bundle.cost.saturating_sub(paid_for), day)?;
    transaction.execute(
        "INSERT INTO bundles (tx, chain_id, bundler, nonce, ops_digest, max_fee, tip, cost, day)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            tx.0,
            bundle.chain_id.cast_signed(),
            bundle.bundler.as_slice(),
            bundle.nonce.cast_signed(),
            bundle.ops_digest.0,
            Wide::new(bundle.max_fee),
            Wide::new(bundle.tip),
            Wide(bundle.cost),
            day,
        ],
    )?;
    Ok(())
}

fn earlier(
    transaction: &Transaction<'_>,
    bundle: &ApprovedBundle,
) -> Result<Option<Earlier>, Refusal> {
    Ok(transaction
        .query_row(
            "SELECT max(max_fee), max(tip), max(cost) FROM bundles
             WHERE chain_id = ?1 AND bundler = ?2 AND nonce = ?3
             GROUP BY chain_id",
            params![
                bundle.chain_id.cast_signed(),
                bundle.bundler.as_slice(),
                bundle.nonce.cast_signed()
            ],
            |row| Ok(Earlier { max_fee: row.get(0)?, tip: row.get(1)?, cost: row.get(2)? }),
        )
        .optional()?)
}

fn check_replacement(
    transaction: &Transaction<'_>,
    bundle: &ApprovedBundle,
    earlier: &Earlier,
) -> Result<(), Refusal> {
    let higher =
        Wide::new(bundle.max_fee) > earlier.max_fee && Wide::new(bundle.tip) >= earlier.tip;
    if higher || same_operations(transaction, bundle)? {
        return Ok(());
    }
    let message = format!(
        "bundler nonce {} was signed for other operations at {} wei per gas (tip {}): replacing \
         them needs a higher fee and no lower tip, not {} (tip {})",
        bundle.nonce, earlier.max_fee.0, earlier.tip.0, bundle.max_fee, bundle.tip
    );
    Err(Refusal::new(RefusalCode::ReplacementUnderpriced, message))
}

fn same_operations(
    transaction: &Transaction<'_>,
    bundle: &ApprovedBundle,
) -> Result<bool, Refusal> {
    let mut statement = transaction.prepare_cached(
        "SELECT 1 FROM bundles
         WHERE chain_id = ?1 AND bundler = ?2 AND nonce = ?3 AND ops_digest = ?4",
    )?;
    Ok(statement.exists(params![
        bundle.chain_id.cast_signed(),
        bundle.bundler.as_slice(),
        bundle.nonce.cast_signed(),
        bundle.ops_digest.0
    ])?)
}

//! The daily budget: what signatures of one UTC day may cost in the worst case.

use alloy_primitives::U256;
use domain::wire::RefusalCode;
use rusqlite::{OptionalExtension, Transaction, params};

use super::Day;
use super::number::Wide;
use crate::refusal::Refusal;

/// Takes `wei` from the day's budget and returns the day that it was taken from.
///
/// A clock that was set back keeps using the latest day seen: it must not bring a budget back.
pub fn spend(transaction: &Transaction<'_>, wei: U256, today: Day) -> Result<i64, Refusal> {
    let latest: Option<(i64, Wide)> = transaction
        .query_row("SELECT day, wei FROM spending ORDER BY day DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let number = today.number.cast_signed();
    let (day, spent) = match latest {
        Some((day, Wide(spent))) if day >= number => (day, spent),
        _ => (number, U256::ZERO),
    };
    let total = spent.saturating_add(wei);
    if total > today.budget {
        let message = format!(
            "{wei} wei in the worst case, on top of {spent} wei signed for today, is over the \
             daily budget of {} wei; it begins anew at midnight UTC",
            today.budget
        );
        return Err(Refusal::new(RefusalCode::BudgetExhausted, message));
    }
    transaction.execute(
        "INSERT INTO spending (day, wei) VALUES (?1, ?2) ON CONFLICT (day) DO UPDATE SET wei = ?2",
        params![day, Wide(total)],
    )?;
    Ok(day)
}

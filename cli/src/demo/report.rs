//! What the demo proves, for machines and, shorter, for people.

use serde::Serialize;

use super::ledger::Ledger;
use crate::{
    buy::{Bought, Finished},
    commands::funds::Moved,
    output::{Report, printable},
    publish::Published,
    receipts::{Receipt, Verification},
    stack::Facts,
};

/// Everything that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoReport {
    /// Always true: a demo with a missing step is an error instead.
    pub ok: bool,
    /// Wall-clock seconds from start to stop.
    pub seconds: f64,
    /// Contracts, addresses and what setting up took.
    pub network: Facts,
    /// The listing.
    pub agent: Published,
    /// The purchase.
    pub purchase: Bought,
    /// Its run, settlement, receipt and result.
    pub run: Finished,
    /// The receipt's verification.
    pub verification: Verification,
    /// Where the money went.
    pub ledger: Ledger,
    /// The run that failed.
    pub failed_run: FailedRun,
}

/// A run that was refunded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRun {
    /// The listing.
    pub agent: Published,
    /// The purchase.
    pub purchase: Bought,
    /// Its run and settlement.
    pub run: Finished,
    /// The receipt's verification: failures are proven as well.
    pub verification: Verification,
    /// The refund, taken out by the buyer.
    pub withdrawn: Moved,
    /// Where the money went.
    pub ledger: Ledger,
}

impl Report for DemoReport {
    fn human(&self) -> String {
        let summary = self.run.result.as_deref().unwrap_or_default();
        let receipt = self.run.receipt.as_ref().map(|signed| Receipt(signed).human());
        format!(
            "Summary\n-------\n{}\n\nReceipt\n-------\n{}\n\nVerification\n------------\n{}\n\n\
             Balances, run that succeeded\n{}\n\nBalances, run that failed and was refunded\n{}\n\n\
             Every step happened. {:.1} s.",
            printable(summary.trim_end()),
            receipt.unwrap_or_default(),
            self.verification.human(),
            self.ledger.table(),
            self.failed_run.ledger.table(),
            self.seconds
        )
    }
}

//! The stages of a purchase, as they are stored.

/// Paid, not yet delivered.
pub const OPEN: u8 = 1;
/// Delivered and charged.
pub const SETTLED_OK: u8 = 2;
/// Not delivered, a keeper said so; the buyer has the escrow back.
pub const SETTLED_FAILED: u8 = 3;
/// Not delivered in time; the buyer has the escrow back.
pub const REFUNDED: u8 = 4;

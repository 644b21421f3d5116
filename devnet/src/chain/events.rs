//! What the chain tells subscribers and filters.

use super::block::Block;
use crate::tx::Tx;
use std::sync::Arc;

/// Something that happened to the chain, in order.
#[derive(Debug, Clone)]
pub enum ChainEvent {
    /// A block was appended.
    Added(Arc<Block>),
    /// A block left the chain; several are reported from the newest to the oldest.
    Removed(Arc<Block>),
    /// A transaction began to wait.
    Pending(Tx),
}

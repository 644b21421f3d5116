//! What execution sees around a transaction: the block, and state that is not journaled.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use revm::{
    Context, Database, Journal,
    context::{BlockEnv, CfgEnv, TxEnv},
    inspector::{Inspector, NoOpInspector},
    primitives::{Address, B256, U256},
};

use super::recent::RecentPrograms;
use crate::{
    arbos::world::BlockFacts,
    stylus::{memory::Pages, module::Rules, trace::HostIoSink},
};

/// The revm context type all execution and all inspectors work on.
pub type VmContext<'a, DB> =
    Context<BlockEnv, TxEnv, CfgEnv, &'a mut DB, Journal<&'a mut DB>, TxState>;

/// One block under construction (or the block a call is simulated in).
///
/// Create one per block, and a fresh one per `eth_call` or estimate.
#[derive(Debug)]
pub struct BlockContext {
    /// Environment; `number` is the L2 block number. NUMBER, PREVRANDAO and the rest of the
    /// Arbitrum rules are applied by the engine.
    pub env: BlockEnv,
    /// L1 block number that NUMBER and `block_number` answer (0 on a chain without parent).
    pub l1_number: u64,
    /// Programs that ran in this block (ArbOS 60).
    pub(super) recent: Arc<Mutex<RecentPrograms>>,
}

impl BlockContext {
    /// Wraps an environment whose `number` is the L2 block number; the L1 number is 0.
    #[must_use]
    pub fn new(env: BlockEnv) -> Self {
        Self { env, l1_number: 0, recent: Arc::default() }
    }
}

/// State that lives for one transaction and is not journaled.
#[derive(Clone, Debug, Default)]
pub struct TxState {
    /// Facts of the block.
    pub(super) facts: BlockFacts,
    /// Rules that programs are checked by.
    pub(super) rules: Option<Rules>,
    /// Memory pages of programs.
    pub(super) pages: Pages,
    /// Open frames by acting account.
    pub(super) open_frames: HashMap<Address, u32>,
    /// Who called each open frame, from the transaction's own inwards.
    pub(super) callers: Vec<Address>,
    /// What the sender offered per gas, with the tip.
    pub(super) gas_price: U256,
    /// Gas that pays for posting the transaction.
    pub(super) l1_gas: u64,
    /// Gas held back during execution.
    pub(super) held_back: u64,
    /// Programs that ran in this block.
    pub(super) recent: Arc<Mutex<RecentPrograms>>,
    /// Gas the transaction may see at once, if that is limited; more is held back.
    pub(super) gas_limit: Option<u64>,
}

impl TxState {
    /// ArbOS version in force.
    #[must_use]
    pub fn arbos(&self) -> u64 {
        self.rules.map_or(0, |rules| rules.arbos)
    }

    /// Debug chain.
    #[must_use]
    pub fn debug(&self) -> bool {
        self.rules.is_some_and(|rules| rules.debug)
    }

    /// Whether a program runs as recently used; remembers it.
    pub(super) fn recently_ran(&self, codehash: B256, size: u16) -> bool {
        self.arbos() >= 60 && self.recent.lock().touch(codehash, size)
    }

    /// Counts a frame of an acting account.
    pub(super) fn enter(&mut self, address: Address) {
        *self.open_frames.entry(address).or_default() += 1;
    }

    /// Forgets a frame of an acting account.
    pub(super) fn leave(&mut self, address: Address) {
        if let Some(count) = self.open_frames.get_mut(&address) {
            *count = count.saturating_sub(1);
        }
    }

    /// Whether more than one frame acts as this account.
    pub(super) fn reentrant(&self, address: Address) -> bool {
        self.open_frames.get(&address).is_some_and(|count| *count > 1)
    }
}

/// The inspector that looks at nothing.
pub type NoTrace = NoOpInspector;

impl HostIoSink for NoOpInspector {}

/// Everything the engine needs from an inspector.
pub trait VmInspector<'a, DB: Database + 'a>: Inspector<VmContext<'a, DB>> + HostIoSink {}

impl<'a, DB, T> VmInspector<'a, DB> for T
where
    DB: Database + 'a,
    T: Inspector<VmContext<'a, DB>> + HostIoSink,
{
}

//! The chain itself: blocks, waiting transactions and controls. Everything here runs on one thread.

mod access;
mod block;
mod clock;
mod deal;
mod estimate;
mod events;
mod filters;
mod lookup;
mod mine;
mod moment;
mod node_interface;
mod reorg;
mod replay;
mod simulate;
mod snapshot;
mod submit;
mod view;

pub use block::{BLOCK_GAS, Block, HEADER_GAS_LIMIT, Receipt, SEQUENCER};
pub use clock::{Clock, TimeError};
pub use events::ChainEvent;
pub use filters::{Changes, FilterKind, Filters, matching_logs};
pub use lookup::{BlockRef, LookupError};
pub use mine::MineError;
pub use moment::Moment;
pub use node_interface::NODE_INTERFACE;
pub use reorg::{ReorgError, Replacement};
pub use simulate::{Simulated, SimulationError};
pub use submit::SubmitError;
pub use view::{CallError, CallInput, View};

use crate::accounts::DevAccount;
use crate::config::Config;
use crate::error::Error;
use crate::pool::Pool;
use crate::state::State;
use crate::vm::Vm;
use alloy::primitives::{Address, B256, map::HashMap, map::HashSet};
use alloy::signers::local::PrivateKeySigner;
use snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Events that a slow subscriber may fall behind before it is cut off.
const EVENT_BACKLOG: usize = 4_096;

/// One development chain.
#[derive(Debug)]
pub struct Chain {
    config: Arc<Config>,
    vm: Vm,
    genesis: Arc<Block>,
    blocks: Vec<Arc<Block>>,
    by_hash: HashMap<B256, u64>,
    tx_index: HashMap<B256, (u64, usize)>,
    /// Waiting transactions.
    pub pool: Pool,
    /// The chain's time.
    pub clock: Clock,
    /// Polled filters.
    pub filters: Filters,
    /// Whether each transaction is mined at once.
    pub automine: bool,
    /// Senders whose unsigned transactions are accepted.
    pub impersonated: HashSet<Address>,
    /// Whether every sender's unsigned transactions are accepted.
    pub impersonate_all: bool,
    /// Base fee of the next block, if it was set.
    pub next_base_fee: Option<u64>,
    /// Gas that the transactions of one block may use together. Headers do not show it.
    pub block_gas: u64,
    /// Beneficiary of the next blocks.
    pub coinbase: Address,
    signers: HashMap<Address, PrivateKeySigner>,
    accounts: Vec<Address>,
    snapshots: BTreeMap<u64, Snapshot>,
    snapshot_count: u64,
    fork: u64,
    events: broadcast::Sender<ChainEvent>,
}

impl Chain {
    /// A chain of one block that holds `state`.
    pub fn new(
        config: Arc<Config>,
        vm: Vm,
        accounts: &[DevAccount],
        mut state: State,
    ) -> Result<Self, Error> {
        let clock = Clock::new(config.timestamp);
        let arbos = vm.arbos_version(&mut state)?;
        let seal = block::Seal {
            parent: B256::ZERO,
            number: 0,
            timestamp: clock.now(),
            base_fee: config.base_fee,
            beneficiary: SEQUENCER,
            fork: 0,
            arbos,
            sends: Default::default(),
        };
        let genesis = Arc::new(Block::seal(seal, Vec::new(), Vec::new(), state));
        let mut signers = HashMap::default();
        for account in accounts {
            signers.insert(account.address, account.signer()?);
        }
        Ok(Self {
            automine: !config.no_mining && (config.block_time.is_none() || config.mixed_mining),
            block_gas: BLOCK_GAS,
            pool: Pool::new(config.order),
            config,
            vm,
            by_hash: HashMap::from_iter([(genesis.hash(), 0)]),
            blocks: vec![genesis.clone()],
            genesis,
            tx_index: HashMap::default(),
            clock,
            filters: Filters::default(),
            impersonated: HashSet::default(),
            impersonate_all: false,
            next_base_fee: None,
            coinbase: SEQUENCER,
            signers,
            accounts: accounts.iter().map(|account| account.address).collect(),
            snapshots: BTreeMap::new(),
            snapshot_count: 0,
            fork: 0,
            events: broadcast::channel(EVENT_BACKLOG).0,
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The dev accounts' addresses.
    pub fn accounts(&self) -> &[Address] {
        &self.accounts
    }

    /// The key of a dev account.
    pub fn signer(&self, address: Address) -> Option<&PrivateKeySigner> {
        self.signers.get(&address)
    }

    /// Base fee of the next block in wei: the one that was set, or ArbOS's.
    pub fn base_fee(&self) -> u64 {
        let priced = || self.vm.base_fee(&mut self.state().clone());
        self.next_base_fee.or_else(|| priced().ok()).unwrap_or(self.head().base_fee())
    }

    /// Signs for one more account, which is not listed.
    pub fn sign_for(&mut self, account: &DevAccount) -> Result<(), Error> {
        self.signers.insert(account.address, account.signer()?);
        Ok(())
    }

    /// Where events are announced.
    pub fn events(&self) -> &broadcast::Sender<ChainEvent> {
        &self.events
    }

    /// Changes the latest state directly, outside any transaction.
    pub fn edit(&mut self, change: impl FnOnce(&mut State)) {
        if let Some(head) = self.blocks.last_mut()
            && let Some(state) = &mut Arc::make_mut(head).state
        {
            change(state);
        }
    }

    fn announce(&mut self, event: ChainEvent) {
        self.filters.notify(&event);
        // Nobody listening is no failure.
        let _ = self.events.send(event);
    }
}
